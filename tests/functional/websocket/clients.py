"""The handlers, called with the events of API Gateway and SQS."""

from __future__ import annotations

import copy
import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from functions.dispatch.app import handler as dispatch
from functions.hub import hub
from functions.websocket.app import handler
from tests.documents import undescribed
from tests.functional.rest.api import Context

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.fakes.queues import FakeDeliveries, FakeDispatchQueue

__all__ = ["Client", "Gateway", "wakeup_record"]

_EVENTS = Path(__file__).parent / "events"
_NUMBERS = itertools.count(1)


def _recorded(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((_EVENTS / name).read_text())
    return copy.deepcopy(event)


@dataclass
class Gateway:
    """Opens connections, and carries the messages that the functions send each other."""

    dispatch_queue: FakeDispatchQueue
    deliveries: FakeDeliveries

    def connect(
        self, *, query: str = "", protocols: Sequence[str] = (), authorizer: Mapping[str, Any] | None = None
    ) -> tuple[Client, dict[str, Any]]:
        client = Client(self, f"c{next(_NUMBERS)}=", authorizer=authorizer)
        event = client.event("connect.json")
        if query:
            event["multiValueQueryStringParameters"] = parse_qs(query, keep_blank_values=True)
        if protocols:
            event["multiValueHeaders"]["Sec-WebSocket-Protocol"] = [", ".join(protocols)]
        return client, handler(event, Context())  # type: ignore[arg-type]

    def dispatch(self, *wakeups: dict[str, Any]) -> None:
        """Let `dispatch` handle a batch of wake-ups."""
        answer = dispatch(
            {"Records": [wakeup_record(number, wakeup) for number, wakeup in enumerate(wakeups)]}, Context()
        )  # type: ignore[arg-type]
        assert answer == {"batchItemFailures": []}

    def fail(self, wakeup: dict[str, Any]) -> None:
        """Let `dispatch` handle a wake-up, and fail."""
        answer = dispatch({"Records": [wakeup_record(0, wakeup)]}, Context())  # type: ignore[arg-type]
        assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}

    def settle(self) -> dict[str, list[dict[str, Any]]]:
        """Let `dispatch` handle wake-ups until none is left; return the messages posted to each connection."""
        queue = self.dispatch_queue
        while queue.requested_turns or queue.deletions or queue.closing:
            partitions, queue.requested_turns = sorted(set(queue.requested_turns)), []
            ended, queue.deletions = queue.deletions, []
            closing, queue.closing = queue.closing, []
            self.dispatch(
                *({"partition": partition} for partition in partitions),
                *({"ended": member.connection, "id": member.id, "subscription": name} for name, member in ended),
                *({"gone": closed.id, "close": closed.protocol, "opened": closed.opened} for closed in closing),
            )
        messages: dict[str, list[dict[str, Any]]] = {}
        for posting in self.deliveries.take_postings():
            messages.setdefault(posting.connection, []).append(described(json.loads(posting.message)))
        return messages


@dataclass
class Client:
    gateway: Gateway
    connection: str
    texts: list[str] = field(default_factory=list)
    authorizer: Mapping[str, Any] | None = None

    def event(self, name: str) -> dict[str, Any]:
        event = _recorded(name)
        event["requestContext"]["connectionId"] = self.connection
        event["requestContext"]["connectedAt"] = hub().clock.now()
        if self.authorizer is not None:
            event["requestContext"]["authorizer"] = self.authorizer
        return event

    def message(self, message: object) -> dict[str, Any]:
        """The event that API Gateway sends for a message."""
        event = self.event("message.json")
        event["body"] = message if isinstance(message, str) else json.dumps(message)
        if isinstance(message, dict) and "action" in message:
            event["requestContext"]["routeKey"] = message["action"]
        return event

    def send(self, message: object) -> dict[str, Any]:
        """Send a message, or a text verbatim; return the answer."""
        answer = handler(self.message(message), Context())  # type: ignore[arg-type]
        assert answer["statusCode"] == 200
        return described(json.loads(answer["body"]))

    def received(self) -> list[dict[str, Any]]:
        return self.gateway.settle().get(self.connection, [])

    def disconnect(self, code: int = 1005) -> None:
        event = self.event("disconnect.json")
        event["requestContext"]["disconnectStatusCode"] = code
        assert handler(event, Context()) == {"statusCode": 200}  # type: ignore[arg-type]


def described(message: dict[str, Any]) -> dict[str, Any]:
    """The message, which must conform to the AsyncAPI document."""
    assert not undescribed(message), (message, undescribed(message))
    return message


def wakeup_record(number: int, wakeup: dict[str, Any]) -> dict[str, Any]:
    """A record of the dispatch queue."""
    return {
        "messageId": f"m{number}",
        "receiptHandle": "r",
        "body": json.dumps(wakeup),
        "attributes": {"MessageGroupId": f"g{number}", "ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }
