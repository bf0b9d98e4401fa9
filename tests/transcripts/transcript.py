"""What a run of the hub left behind: what publishers were answered, what the store holds, what subscribers received.

All moments are seconds of one clock that never goes back, read where the client stood.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from tests.transcripts.membership import Group

__all__ = ["Ending", "Json", "Publish", "Received", "Result", "Session", "StoredStream", "Subscriber", "Transcript"]

Json: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """Where an event stands, as its publisher was told."""

    stream: str
    sequence: int
    id: str
    duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """One attempt to publish; a retry is another one, with the same events.

    Attributes:
        answered: When the answer came; `None` if none came or it left the outcome open.
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
    """What the store holds of a stream in the end.

    Attributes:
        first: The sequence of the oldest event kept; head + 1 if none is.
        events: The recorded events, with the hub's extensions, as they were read.
    """

    stream: str
    first: int
    events: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class Received:
    """A message as it was taken from the connection, and whether the client handled it."""

    at: float
    message: Json
    handled: bool = True


class Ending(StrEnum):
    """How a session ended."""

    CLOSED = "closed"
    """By the client, with a closing handshake."""
    ABORTED = "aborted"
    """By the client, with none: the connection was cut."""
    DISCONNECTED = "disconnected"
    """By the hub, or on the way to it."""
    HOLE = "hole"
    """By the client, for a frame was lost."""
    REFUSED = "refused"
    """By the client, for the subscribe was answered with an error."""
    UNANSWERED = "unanswered"
    """By the client, for the subscribe was not answered in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One subscription on one connection.

    Attributes:
        subscribe: The request, as it was sent at `sent`.
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
    """A logical subscriber: one subscription across all the sessions that resumed it.

    Its first session names no cursor of its own. A session that ended before `subscribed` came leaves nothing to resume
    from, so what follows it is another logical subscriber.

    Attributes:
        caught_up: It ended having received all that it had a right to.
    """

    name: str
    sessions: tuple[Session, ...]
    caught_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """A whole run.

    Attributes:
        recreated: When the store was made anew, at which earlier events were lost on purpose.
    """

    publishes: tuple[Publish, ...]
    streams: tuple[StoredStream, ...]
    subscribers: tuple[Subscriber, ...]
    seed: int | None = None
    recreated: tuple[float, ...] = ()
    groups: tuple[Group, ...] = ()
