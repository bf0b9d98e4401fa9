"""What client and hub say to each other over WebSocket, in the subprotocol `eventstore.v1` (docs/protocol.md)."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventstore.cloudevents.json_text import elements, members
from eventstore.errors import EventstoreError
from eventstore_client.errors import ConnectFailed, UnexpectedAnswer, refusal
from eventstore_client.events import Recorded
from eventstore_client.losses import Loss, Missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = [
    "SUBPROTOCOL",
    "Answer",
    "Frame",
    "Joined",
    "Request",
    "Share",
    "Subscribed",
    "about",
    "encoded",
    "join",
    "loss_of",
    "shared",
    "understood",
]

SUBPROTOCOL = "eventstore.v1"

_ID = "s"
"""A connection of this client carries one subscription, so one name does for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is subscribed to.

    Attributes:
        filters: All of them must match.
        streams: Events of any of these; of all streams if there are none.
        start: `now` or `start`, for as long as there is no cursor.
    """

    filters: Sequence[Mapping[str, Any]] = ()
    streams: Sequence[str] = ()
    start: str = "now"

    def message(self, cursors: Sequence[str]) -> Mapping[str, Any]:
        """The message that subscribes from there."""
        message: dict[str, Any] = {"action": "subscribe", "id": _ID}
        if self.filters:
            message["filters"] = list(self.filters)
        if self.streams:
            message["stream"] = list(self.streams)
        return message | ({"cursor": list(cursors)} if cursors else {"from": self.start})


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The hub follows from `cursor` on, which covers every partition concerned."""

    cursor: str
    loss: Loss | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A numbered message of one partition.

    Attributes:
        partition: Which one.
        number: Its place among the frames of the partition, from 1.
        cursor: The place behind it.
        events: In log order; there are none if it says that the partition is live, or that events are gone.
        loss: What is gone.
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
        partition: Which one.
        number: Its place among all frames that members were sent of the partition.
        cursor: The place behind it; None for `revoked`, and for events of a stream that is held.
        events: In log order.
        stream: The stream that is held; without events, the one that is held no more.
        attempt: Which one it is: for the first event of a held stream, or for all of other events.
        loss: What is gone.
        reason: Why the first event is sent again, where the hub says it.
        ack_deadline: As in `Joined`, of what is owned.
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
    """The connection is a member, or the durable subscription was changed.

    Attributes:
        ack_deadline: Seconds in which the hub wants to hear of what it sent; None if the hub does not say it. One that
            does takes the `frame` of an `ack`, a `nack` and a `release`, too.
    """

    ack_deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The hub has what a member said of what it was sent."""

    request: str


def understood(text: str) -> Subscribed | Frame | None:
    """What a message of the hub's says; None if it is nothing that concerns the subscription.

    Raises:
        ProblemError: It is a refusal.
        ConnectFailed: The gateway says that nobody took the request, or the hub that it knows this connection no more.
        UnexpectedAnswer: No hub says so.
    """
    with _understanding(text):
        said, events = _said(text)
        kind = said.get("type")
        if said.get("id") != _ID:
            return None
        if kind == "subscribed":
            return Subscribed(str(said["cursor"]), loss_of(said) if said["recovery"] != "complete" else None)
        if kind not in {"events", "live", "truncated"}:
            return None
        return Frame(
            partition=int(said["partition"]),
            number=int(said["frame"]),
            cursor=str(said["cursor"]),
            events=events if kind == "events" else (),
            loss=loss_of(said) if kind == "truncated" else None,
        )


def shared(text: str) -> Share | Joined | Answer | None:
    """What a message says to a member of a durable subscription, otherwise as `understood`."""
    with _understanding(text):
        said, events = _said(text)
        kind = str(said.get("type"))
        if kind in {"acknowledged", "released", "unsubscribed"}:
            return Answer(str(said.get("request")))
        ack_deadline = float(said["ack_deadline"]) if "ack_deadline" in said else None
        if said.get("id") == _ID and kind in {"subscribed", "changed"}:
            return Joined(ack_deadline)
        if said.get("id") != _ID or kind not in {"owned", "revoked", "events", "truncated"}:
            return None
        return Share(
            kind=kind,
            partition=int(said["partition"]),
            number=int(said["frame"]),
            cursor=str(said["cursor"]) if "cursor" in said else None,
            events=events,
            stream=str(said["stream"]) if "stream" in said else None,
            attempt=int(said.get("attempt", 1)),
            loss=loss_of(said) if kind == "truncated" else None,
            reason=str(said["reason"]) if "reason" in said else None,
            ack_deadline=ack_deadline,
        )


def join(name: str) -> Mapping[str, Any]:
    """The message that takes part in a durable subscription."""
    return {"action": "subscribe", "id": _ID, "subscription": name}


def about(action: str, **members: object) -> Mapping[str, Any]:
    """A message of a member about what it was sent: `ack`, `nack` or `release`."""
    return {"action": action, "id": _ID, **members}


@contextmanager
def _understanding(text: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, ValueError, TypeError, EventstoreError) as error:
        raise UnexpectedAnswer(f"the hub says {text[:80]!r}, as no hub does; is it the hub that runs there?") from error


def _said(text: str) -> tuple[Mapping[str, Any], tuple[Recorded, ...]]:
    """The members of a message, and its events, unless it is a refusal."""
    found = members(text)
    said: dict[str, Any] = {name: member.value for name, member in found.items() if name != "events"}
    kind = said.get("type")
    if kind is None and "message" in said:
        # API Gateway's own answer when a route's function fails; it has no type.
        raise ConnectFailed(f"the gateway answers: {said['message']}")
    if kind == "error" and said.get("code") == "connection-not-found":
        raise ConnectFailed(str(said.get("detail")))
    if kind == "error":
        raise refusal(said)
    mine = kind == "events" and said.get("id") == _ID
    return said, tuple(map(Recorded.from_text, elements(found["events"].text))) if mine else ()


def encoded(message: Mapping[str, Any]) -> str:
    """The message in JSON, all of it ASCII.

    Raises:
        TypeError, ValueError: It holds a value that JSON does not have.
    """
    return json.dumps(message, allow_nan=False, separators=(",", ":"))


def loss_of(said: Mapping[str, Any]) -> Loss:
    """What a message, or a page that was read over REST, says is gone.

    Raises:
        KeyError, ValueError, TypeError: No hub says it so.
    """
    return Loss(
        missing=tuple(
            Missing(str(missing["stream"]), int(missing["first"]), int(missing["last"]))
            for missing in said.get("missing", ())
        ),
        more=bool(said.get("missing_more")),
        renewed=tuple(int(partition) for partition in said.get("renewed", ())),
        gone=tuple(str(stream) for stream in said.get("gone", ())),
    )
