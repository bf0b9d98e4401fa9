"""The WebSocket messages of the subprotocol `eventstore.v1`: building and parsing (docs/protocol.md)."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventstore.errors import EventstoreError
from eventstore_client.errors import ConnectFailed, UnexpectedAnswer, refusal
from eventstore_client.losses import Loss, Missing
from eventstore_client.recorded import message_with_events

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from eventstore_client.recorded import Recorded

__all__ = [
    "SUBPROTOCOL",
    "SUBSCRIPTION_ID",
    "Answer",
    "Frame",
    "Joined",
    "Request",
    "Share",
    "Subscribed",
    "encode_message",
    "join_request",
    "member_request",
    "parse_loss",
    "parse_member_message",
    "parse_message",
]

SUBPROTOCOL = "eventstore.v1"

SUBSCRIPTION_ID = "s"
"""The id of every subscription: a connection of this client carries only one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The request of an ephemeral subscription.

    Attributes:
        filters: The filters, all of which must match.
        filter_name: The named filter, which must match as well; None for none.
        streams: The names of the streams; empty for all streams.
        start: `now` or `start`; applies only without a cursor.
    """

    filters: Sequence[Mapping[str, Any]] = ()
    filter_name: str | None = None
    streams: Sequence[str] = ()
    start: str = "now"

    def message(self, cursors: Sequence[str]) -> Mapping[str, Any]:
        """Return the message that subscribes from these cursors."""
        message: dict[str, Any] = {"action": "subscribe", "id": SUBSCRIPTION_ID}
        if self.filters:
            message["filters"] = list(self.filters)
        if self.filter_name is not None:
            message["filter_name"] = self.filter_name
        if self.streams:
            message["stream"] = list(self.streams)
        return message | ({"cursor": list(cursors)} if cursors else {"from": self.start})


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The hub confirmed the subscription.

    Attributes:
        cursor: The position that the subscription starts from, in every partition.
        loss: The events that were lost before it; None if there are none.
    """

    cursor: str
    loss: Loss | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A numbered message of one partition to an ephemeral subscription.

    Attributes:
        partition: The number of the partition.
        number: The number of the frame in its partition, from 1.
        cursor: The position behind the frame.
        events: The events in log order; empty if the frame reports that the partition is live, or a loss.
        loss: The events that were lost; None if there are none.
    """

    partition: int
    number: int
    cursor: str
    events: tuple[Recorded, ...] = ()
    loss: Loss | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A numbered message of one partition to a member of a durable subscription.

    Attributes:
        kind: `owned`, `revoked`, `events` or `truncated`.
        partition: The number of the partition.
        number: The number of the frame among all frames of the partition, to any member.
        cursor: The position behind the frame; None for `revoked`, and for the events of a held stream.
        events: The events in log order.
        stream: The held stream that the events are of; without events, the stream that is no longer held.
        attempt: The delivery attempt: of the first event if the stream is held, else of all events.
        loss: The events that were lost; None if there are none.
        reason: Why the first event is redelivered, if the hub reports it.
        ack_deadline: The deadline for the partition in seconds, as in `Joined`.
    """

    kind: str
    partition: int
    number: int
    cursor: str | None = None
    events: tuple[Recorded, ...] = ()
    stream: str | None = None
    attempt: int = 1
    loss: Loss | None = None
    reason: str | None = None
    ack_deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """The connection has joined the durable subscription, or the subscription was changed.

    Attributes:
        ack_deadline: Seconds in which the hub expects an acknowledgement; None if the hub does not send it. A hub that
            sends it accepts a `frame` in `ack`, `nack` and `release`, too.
    """

    ack_deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The hub confirmed a request of a member.

    Attributes:
        request: The number of the request.
    """

    request: str


def parse_message(text: str) -> Subscribed | Frame | None:
    """Parse a message to an ephemeral subscription; None if it does not concern the subscription.

    Raises:
        ProblemError: The message is an error.
        ConnectFailed: The gateway could not deliver the request, or the hub does not know this connection any more.
        UnexpectedAnswer: The message is not one that a hub sends.
    """
    with _reject_unexpected(text):
        message, events = _decode(text)
        kind = message.get("type")
        if message.get("id") != SUBSCRIPTION_ID:
            return None
        if kind == "subscribed":
            loss = parse_loss(message) if message["recovery"] != "complete" else None
            return Subscribed(str(message["cursor"]), loss)
        if kind not in {"events", "live", "truncated"}:
            return None
        return Frame(
            partition=int(message["partition"]),
            number=int(message["frame"]),
            cursor=str(message["cursor"]),
            events=events if kind == "events" else (),
            loss=parse_loss(message) if kind == "truncated" else None,
        )


def parse_member_message(text: str) -> Share | Joined | Answer | None:
    """Parse a message to a member of a durable subscription; otherwise like `parse_message`."""
    with _reject_unexpected(text):
        message, events = _decode(text)
        kind = str(message.get("type"))
        if kind in {"acknowledged", "released", "unsubscribed"}:
            return Answer(str(message.get("request")))
        ack_deadline = float(message["ack_deadline"]) if "ack_deadline" in message else None
        if message.get("id") == SUBSCRIPTION_ID and kind in {"subscribed", "changed"}:
            return Joined(ack_deadline)
        if message.get("id") != SUBSCRIPTION_ID or kind not in {"owned", "revoked", "events", "truncated"}:
            return None
        return Share(
            kind=kind,
            partition=int(message["partition"]),
            number=int(message["frame"]),
            cursor=str(message["cursor"]) if "cursor" in message else None,
            events=events,
            stream=str(message["stream"]) if "stream" in message else None,
            attempt=int(message.get("attempt", 1)),
            loss=parse_loss(message) if kind == "truncated" else None,
            reason=str(message["reason"]) if "reason" in message else None,
            ack_deadline=ack_deadline,
        )


def join_request(name: str) -> Mapping[str, Any]:
    """Return the message that joins a durable subscription."""
    return {"action": "subscribe", "id": SUBSCRIPTION_ID, "subscription": name}


def member_request(action: str, **members: object) -> Mapping[str, Any]:
    """Return a request of a member.

    Args:
        action: `ack`, `nack`, `release` or `unsubscribe`.
        members: The other members of the message.
    """
    return {"action": action, "id": SUBSCRIPTION_ID, **members}


@contextmanager
def _reject_unexpected(text: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, ValueError, TypeError, EventstoreError) as error:
        raise UnexpectedAnswer(f"unexpected message: {text[:80]!r}; is a hub running at this address?") from error


_FAREWELLS = frozenset({"connection-not-found", "going-away", "store-reset"})
"""The codes of errors with which the hub ends a connection. Another connection resumes, and learns what was lost."""


def _decode(text: str) -> tuple[Mapping[str, Any], tuple[Recorded, ...]]:
    """Return the members of a message and its events; raise if it is an error."""
    message, events = message_with_events(text)
    kind = message.get("type")
    if kind is None and "message" in message:
        # API Gateway sends a message without a type if a route's function fails.
        raise ConnectFailed(f"the gateway reports: {message['message']}")
    if kind == "error" and message.get("code") in _FAREWELLS:
        raise ConnectFailed(str(message.get("detail")))
    if kind == "error":
        raise refusal(message)
    return message, events or ()


def encode_message(message: Mapping[str, Any]) -> str:
    """Return the message as ASCII JSON.

    Raises:
        TypeError, ValueError: The message contains a value that JSON cannot represent.
    """
    return json.dumps(message, allow_nan=False, separators=(",", ":"))


def parse_loss(message: Mapping[str, Any]) -> Loss:
    """Return the loss that a message, or a page read over REST, reports.

    Raises:
        KeyError, ValueError, TypeError: The members of the message are not as a hub sends them.
    """
    return Loss(
        missing=tuple(
            Missing(str(missing["stream"]), int(missing["first"]), int(missing["last"]))
            for missing in message.get("missing", ())
        ),
        more=bool(message.get("missing_more")),
        renewed=tuple(int(partition) for partition in message.get("renewed", ())),
        gone=tuple(str(stream) for stream in message.get("gone", ())),
    )
