"""What the members of a durable subscription did (docs/protocol.md, "Durable subscriptions"), and what was parked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.transcripts.transcript import Ending, Json, Received

__all__ = ["Attendance", "Dropped", "Group", "Handling", "Member", "Parked", "Redriven", "Said"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """One try of one event, which came in `frame`.

    Attributes:
        ended: When it was done, well or not.
        failed: It could not be handled, or the member was cut off in the middle of it.
    """

    partition: int
    frame: int
    stream: str
    sequence: int
    begun: float
    ended: float
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """An `ack`, `nack`, `release` or `unsubscribe`, when it was first sent, and when it was answered, if it was."""

    message: Json
    sent: float
    answered: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """An event that was not handled, for its stream was held: it is to come again."""

    at: float
    partition: int
    frame: int
    stream: str
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """One connection's part in a durable subscription.

    Attributes:
        subscribe: The request, as it was sent at `sent`.
        received: Every message of the connection, in order of receipt; what its frame's number made due, was handled.
    """

    connected: float
    sent: float
    subscribe: Json
    received: tuple[Received, ...]
    handlings: tuple[Handling, ...]
    said: tuple[Said, ...]
    dropped: tuple[Dropped, ...]
    ended: float
    ending: Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An instance of a service; it takes part by one connection after the other."""

    name: str
    sessions: tuple[Attendance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A stream that is set aside, as the hub lists it.

    Attributes:
        sequence: Of the event that failed.
        attempts: How often that was tried.
        letters: How many events the dead letter queue was given.
    """

    stream: str
    sequence: int
    attempts: int
    letters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Redriven:
    """A parked stream that was put back, from the event that failed (`start`), or behind it (`skip`).

    Attributes:
        parked: As it was listed before, when all that was published until `at` had been delivered or parked.
    """

    at: float
    how: str
    parked: Parked


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A durable subscription, from the start of the log.

    Attributes:
        wanted: Its definition, as far as it says which events: `filters` and `stream`.
        ack_deadline: In seconds.
        parked: What was parked in the end.
        finished: It ended having been sent all that it had a right to.
    """

    name: str
    wanted: Json
    ack_deadline: float
    max_attempts: int
    members: tuple[Member, ...]
    redriven: tuple[Redriven, ...] = ()
    parked: tuple[Parked, ...] = ()
    finished: bool = True
