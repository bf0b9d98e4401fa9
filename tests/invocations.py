"""The events of tests/events, in an order that satisfies their prerequisites, with the expected answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

__all__ = ["EVENTS", "INVOCATIONS", "KEYS", "Invocation", "agrees"]

EVENTS = Path(__file__).parent / "events"

KEYS = json.dumps(
    {
        "keys": [
            {"id": "tests", "sha256": sha256(b"example-key-of-the-tests").hexdigest(), "scopes": ["publish", "read"]}
        ]
    }
)
"""The API keys that the events of the authorizer use."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """A call of a function.

    Attributes:
        name: The event's file, without its ending: the folder is the function's.
        answer: What the answer has, at least; a `body` stands for what its JSON has.
    """

    name: str
    answer: Any

    @property
    def function(self) -> str:
        """The folder in `functions` of the called function."""
        return self.name.partition("/")[0]

    @property
    def path(self) -> Path:
        """The file of the event."""
        return EVENTS / f"{self.name}.json"

    @property
    def event(self) -> dict[str, Any]:
        """The event."""
        content: dict[str, Any] = json.loads(self.path.read_text())
        return content


_DONE = {"batchItemFailures": []}
_POLICY = {"principalId": "tests", "policyDocument": {"Statement": [{"Effect": "Allow"}]}}

INVOCATIONS = (
    Invocation("rest/health", {"statusCode": 200}),
    Invocation("rest/create-stream", {"statusCode": 201, "body": {"id": "order-1"}}),
    Invocation("rest/publish", {"statusCode": 201, "body": {"results": [{"stream": "order-1", "sequence": 1}]}}),
    Invocation("rest/publish-batch", {"statusCode": 201, "body": {"results": [{"sequence": 2}, {"sequence": 3}]}}),
    Invocation("rest/publish-binary", {"statusCode": 201, "body": {"results": [{"sequence": 4}]}}),
    Invocation("rest/read-stream", {"statusCode": 200, "body": {"events": [{"id": "2"}, {"id": "3"}]}}),
    Invocation("rest/find-events", {"statusCode": 200, "body": {"events": [{"id": "2"}, {"id": "3"}, {"id": "4"}]}}),
    Invocation("rest/get-event", {"statusCode": 200, "body": {"id": "3", "hubsequence": "3"}}),
    Invocation("rest/put-filter", {"statusCode": 201, "body": {"id": "failures", "version": 1}}),
    Invocation("rest/create-subscription", {"statusCode": 201, "body": {"id": "billing"}}),
    Invocation("rest/list-dead-letters", {"statusCode": 200, "body": {"dead_letters": []}}),
    Invocation("rest/redrive", {"statusCode": 404, "body": {"code": "nothing-parked"}}),
    Invocation("rest/stats", {"statusCode": 200, "body": {"streams": 1}}),
    Invocation("rest/unknown-path", {"statusCode": 404, "body": {"code": "not-found"}}),
    Invocation("websocket/connect", {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "eventstore.v1"}}),
    Invocation("websocket/subscribe", {"statusCode": 200, "body": {"type": "subscribed", "id": "s1"}}),
    Invocation("websocket/subscribe-durable", {"statusCode": 200, "body": {"type": "subscribed", "id": "w1"}}),
    Invocation(
        "rest/list-connections",
        {
            "statusCode": 200,
            "body": {
                "connections": [
                    {
                        "id": "Kq9aXfLwoAMCJrQ=",
                        "subscriptions": [{"id": "s1"}, {"id": "w1", "subscription": "billing"}],
                    }
                ]
            },
        },
    ),
    Invocation("websocket/publish", {"statusCode": 200, "body": {"type": "published", "results": [{"sequence": 5}]}}),
    Invocation("websocket/ping", {"statusCode": 200, "body": {"type": "pong"}}),
    Invocation("websocket/default", {"statusCode": 200, "body": {"type": "error"}}),
    Invocation("websocket/unsubscribe", {"statusCode": 200, "body": {"type": "unsubscribed"}}),
    Invocation("dispatch/bells", _DONE),
    Invocation("dispatch/alarm", _DONE),
    Invocation("rest/close-connection", {"statusCode": 204}),
    Invocation("dispatch/close", _DONE),
    Invocation("dispatch/gone", _DONE),
    Invocation("deliver/frames", _DONE),
    Invocation("push/events", _DONE),
    Invocation("deliver/close", _DONE),
    Invocation("websocket/disconnect", {"statusCode": 200}),
    Invocation("sweep/every-minute", {"removed": 0}),
    # The events are younger than what is archived.
    Invocation("archive/every-five-minutes", {"segments": 0}),
    Invocation("authorizer/rest-key", _POLICY),
    Invocation("authorizer/connect-key", _POLICY),
    Invocation("authorizer/rest-unknown-key", {"errorMessage": "Unauthorized"}),
    Invocation("console/root", {"statusCode": 302, "headers": {"Location": "/v1/console"}}),
    Invocation("console/configuration", {"statusCode": 200, "body": {"auth": "iam"}}),
)


def agrees(answer: object, wanted: object) -> bool:
    """Whether an answer has every wanted member."""
    if isinstance(wanted, dict):
        if isinstance(answer, str):
            answer = json.loads(answer)
        return isinstance(answer, dict) and all(agrees(answer.get(name), member) for name, member in wanted.items())
    if isinstance(wanted, list):
        return isinstance(answer, list) and len(answer) == len(wanted) and all(map(agrees, answer, wanted))
    return answer == wanted
