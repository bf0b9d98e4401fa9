"""The handlers, called with the events that API Gateway and SQS would invoke them with."""

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

__all__ = ["Client", "Gateway", "bell"]

_EVENTS = Path(__file__).parent / "events"
_NUMBERS = itertools.count(1)


def _recorded(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((_EVENTS / name).read_text())
    return copy.deepcopy(event)


@dataclass
class Gateway:
    """Opens connections, and carries what the functions send each other."""

    bells: FakeDispatchQueue
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

    def dispatch(self, *bells: dict[str, Any]) -> None:
        """Let `dispatch` answer bells."""
        answer = dispatch({"Records": [bell(number, told) for number, told in enumerate(bells)]}, Context())  # type: ignore[arg-type]
        assert answer == {"batchItemFailures": []}

    def fail(self, told: dict[str, Any]) -> None:
        """Let `dispatch` answer a bell that it cannot do what is asked by."""
        answer = dispatch({"Records": [bell(0, told)]}, Context())  # type: ignore[arg-type]
        assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}

    def settle(self) -> dict[str, list[dict[str, Any]]]:
        """Let `dispatch` answer every bell; what each connection is posted."""
        while self.bells.rung or self.bells.told_ended or self.bells.closing:
            partitions, self.bells.rung = sorted(set(self.bells.rung)), []
            ended, self.bells.told_ended = self.bells.told_ended, []
            closing, self.bells.closing = self.bells.closing, []
            self.dispatch(
                *({"partition": partition} for partition in partitions),
                *({"ended": member.connection, "id": member.id, "subscription": name} for name, member in ended),
                *({"gone": one.id, "close": one.protocol, "opened": one.opened} for one in closing),
            )
        found: dict[str, list[dict[str, Any]]] = {}
        for posting in self.deliveries.taken():
            found.setdefault(posting.connection, []).append(described(json.loads(posting.message)))
        return found


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
        """The event that API Gateway makes of a message."""
        event = self.event("message.json")
        event["body"] = message if isinstance(message, str) else json.dumps(message)
        if isinstance(message, dict) and "action" in message:
            event["requestContext"]["routeKey"] = message["action"]
        return event

    def send(self, message: object) -> dict[str, Any]:
        """What a message is answered; one that is text goes as it stands."""
        answer = handler(self.message(message), Context())  # type: ignore[arg-type]
        assert answer["statusCode"] == 200
        return described(json.loads(answer["body"]))

    def received(self) -> list[dict[str, Any]]:
        return self.gateway.settle().get(self.connection, [])

    def disconnect(self) -> None:
        assert handler(self.event("disconnect.json"), Context()) == {"statusCode": 200}  # type: ignore[arg-type]


def described(message: dict[str, Any]) -> dict[str, Any]:
    """The message, which is as the AsyncAPI document says."""
    assert not undescribed(message), (message, undescribed(message))
    return message


def bell(number: int, told: dict[str, Any]) -> dict[str, Any]:
    """A record of the queue of bells."""
    return {
        "messageId": f"m{number}",
        "receiptHandle": "r",
        "body": json.dumps(told),
        "attributes": {"MessageGroupId": f"g{number}", "ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }
