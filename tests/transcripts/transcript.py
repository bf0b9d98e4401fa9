"""The transcript of a run of the hub: answers to publishers, the content of the store, messages to subscribers.

All times are seconds of one monotonic clock, read by the clients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from tests.transcripts.membership import Group

__all__ = [
    "BARE",
    "Ending",
    "Json",
    "Publish",
    "Received",
    "Result",
    "Session",
    "StoredStream",
    "Subscriber",
    "Transcript",
]

Json: TypeAlias = Mapping[str, Any]

BARE = "cloudevents.json"
"""The subprotocol whose messages are events, and that does not say when a partition is live."""


@dataclass(frozen=True, slots=True)
class Result:
    """The position of an event, as answered to its publisher."""

    stream: str
    sequence: int
    id: str
    duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """An attempt to publish; a retry is another attempt with the same events.

    Attributes:
        answered: The time of the answer; `None` without an answer, or if it left the outcome open.
        stream: The stream that the request named, if it did.
        results: One for each event, in their order; none without an answer.
    """

    publisher: str
    begun: float
    answered: float | None
    events: tuple[Json, ...]
    stream: str | None = None
    results: tuple[Result, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStream:
    """The final content of a stream.

    Attributes:
        first: The sequence of the oldest event kept; head + 1 if none is.
        events: The recorded events, with the hub's extensions, as they were read.
    """

    stream: str
    first: int
    events: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class Received:
    """A message as received, and whether the client handled it."""

    at: float
    message: Json
    handled: bool = True


class Ending(StrEnum):
    """How a session ended."""

    CLOSED = "closed"
    """By the client, with a closing handshake."""
    ABORTED = "aborted"
    """By the client, with a reset."""
    DISCONNECTED = "disconnected"
    """By the hub or the network."""
    HOLE = "hole"
    """By the client, because a frame was lost."""
    REFUSED = "refused"
    """By the client, because the subscribe was answered with an error."""
    UNANSWERED = "unanswered"
    """By the client, because the subscribe was not answered in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A subscription on one connection.

    Attributes:
        subscribe: The request, as it was sent at `sent`; its `subprotocol` is `BARE`, or absent.
        received: Every message of the connection, in order of receipt.
    """

    connected: float
    sent: float
    subscribe: Json
    received: tuple[Received, ...]
    ended: float
    ending: Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A logical subscriber: a subscription across all sessions that resumed it.

    Its first session names no cursor of its own. A session that ended before `subscribed` came leaves nothing to resume
    from, so what follows it is another logical subscriber.

    Attributes:
        caught_up: Whether it received every event that it must receive.
    """

    name: str
    sessions: tuple[Session, ...]
    caught_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """A whole run.

    Attributes:
        recreated: The times at which the store was reset, and earlier events were lost on purpose.
    """

    publishes: tuple[Publish, ...]
    streams: tuple[StoredStream, ...]
    subscribers: tuple[Subscriber, ...]
    seed: int | None = None
    recreated: tuple[float, ...] = ()
    groups: tuple[Group, ...] = ()
