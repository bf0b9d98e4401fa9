"""A violation of a guarantee, with its location in the transcript."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Kind", "Location", "Violation"]


class Kind(StrEnum):
    """The broken rule, and the guarantee of DESIGN.md, section 2, to which it belongs."""

    LOST = "an answered event is not in the store"  # 1
    MISPLACED = "an event was answered with two positions, or two events with one"  # 1
    TWICE = "an event stands twice in the store"  # 3
    GAP = "a stream's sequences have a gap"  # 1
    TORN = "a batch is stored in part"  # 2
    INVENTED = "nobody published this"  # 5
    ALTERED = "an event is not what was published"  # 5
    HOLE = "a frame number is missing"  # 6
    REPEAT = "a frame came again with other content"  # 6
    PARTITION = "an event or frame is in the wrong partition"  # 6
    UNWANTED = "an event does not match"  # 6
    EARLY = "an event is older than the subscription's start"  # 6
    DISORDER = "an event came before an earlier one of its stream"  # 6
    LOG_ORDER = "subscribers saw a partition's events in different orders"  # 6
    INCOMPLETE = "a matching event did not arrive"  # 6, 7, 8
    UNTOLD = "a removed event was neither sent nor reported missing"  # 9
    RECOVERY = "the hub reported losses incorrectly"  # 9
    LIVE = "live came at the wrong time"  # 8
    CURSOR = "the client resumed from a cursor that it had not kept"  # 9
    STRANGER = "a member was sent what it does not own"  # 6
    UNOWNED = "a member handled what it did not own"
    SHARED = "two members had the same partition or stream at the same time"  # 6
    UNHANDLED = "a matching event was neither handled nor parked"  # 6
    SKIPPED = "an event was handled before an earlier one of its stream"  # 6
    ATTEMPT = "a failed event was sent again without its attempt"
    BATCH = "a call has more events than its target takes"
    PARKED = "a stream is parked that ought not to be, or not whole"
    REDRIVE = "a redriven event was not sent again"
    CLIENT = "the recording client broke the protocol's table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A location in the transcript.

    Attributes:
        session: The number of the subscriber's session, from 1.
        call: The number of the call of a target, from 1.
    """

    publisher: str | None = None
    subscriber: str | None = None
    session: int | None = None
    call: int | None = None
    partition: int | None = None
    frame: int | None = None
    stream: str | None = None
    sequences: tuple[int, ...] = ()

    def __str__(self) -> str:
        members = {name: getattr(self, name) for name in self.__slots__}
        return ", ".join(
            f"{name} {_shown(value)}" for name, value in members.items() if value is not None and value != ()
        )


@dataclass(frozen=True, slots=True)
class Violation:
    """A violation, with its time and location.

    Attributes:
        at: The time in the transcript at which it could first be detected.
    """

    kind: Kind
    at: float
    sentence: str
    location: Location

    def __str__(self) -> str:
        return f"{self.kind.name}, {self.kind}: {self.sentence}\n  at {self.at:.6f} s: {self.location}"


def _shown(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
