"""The actions of members of a durable subscription (docs/protocol.md, "Durable subscriptions"), and parked streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.transcripts.calls import Target
    from tests.transcripts.content import Where
    from tests.transcripts.transcript import Ending, Json, Received

__all__ = ["Dropped", "Group", "Handling", "Member", "MemberSession", "Parked", "Redriven", "SentCommand"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """An attempt to handle an event of `frame`.

    Attributes:
        ended: When it ended, successful or not.
        failed: Whether it failed, or the member was disconnected during it.
    """

    partition: int
    frame: int
    stream: str
    sequence: int
    begun: float
    ended: float
    failed: bool = False


@dataclass(frozen=True, slots=True)
class SentCommand:
    """An `ack`, `nack`, `release` or `unsubscribe`, with the times of its first sending and of its answer, if any."""

    message: Json
    sent: float
    answered: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """An event that was not handled because its stream was held; it has to be sent again."""

    at: float
    partition: int
    frame: int
    stream: str
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberSession:
    """The membership of one connection in a durable subscription.

    Attributes:
        subscribe: The request, as it was sent at `sent`.
        received: Every message of the connection, in order of receipt; what its frame's number made due, was handled.
    """

    connected: float
    sent: float
    subscribe: Json
    received: tuple[Received, ...]
    handlings: tuple[Handling, ...]
    said: tuple[SentCommand, ...]
    dropped: tuple[Dropped, ...]
    ended: float
    ending: Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An instance of a service, with its successive connections."""

    name: str
    sessions: tuple[MemberSession, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A parked stream, as the hub lists it.

    Attributes:
        sequence: The sequence of the failed event.
        attempts: The number of attempts of that event.
        letters: The number of events in the dead letter queue.
        errors: Why the newest attempts failed.
    """

    stream: str
    sequence: int
    attempts: int
    letters: int
    errors: tuple[str, ...] = ()

    @property
    def place(self) -> Where:
        """Stream and sequence of the failed event."""
        return self.stream, self.sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Redriven:
    """A redriven stream, from the failed event (`start`), or after it (`skip`).

    Attributes:
        parked: The stream as listed before, when every event published until `at` had been delivered or parked.
    """

    at: float
    how: str
    parked: Parked


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A durable subscription, from the start of the log.

    Attributes:
        wanted: The part of its definition that selects events: `filters` and `stream`.
        ack_deadline: In seconds.
        parked: The streams that are parked at the end.
        finished: Whether every matching event was sent.
        target: What its events are pushed to; `None` if members receive them.
    """

    name: str
    wanted: Json
    ack_deadline: float
    max_attempts: int
    members: tuple[Member, ...]
    redriven: tuple[Redriven, ...] = ()
    parked: tuple[Parked, ...] = ()
    finished: bool = True
    target: Target | None = None
