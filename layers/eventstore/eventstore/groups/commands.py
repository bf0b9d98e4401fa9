"""What members and operators ask of a group. The partition's next turn takes it in."""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from typing import Any

from eventstore.positions import Position

__all__ = [
    "LONGEST_REASON",
    "Ack",
    "AckStream",
    "Change",
    "Command",
    "Heard",
    "Join",
    "Leave",
    "Nack",
    "Redrive",
    "Release",
    "Replay",
    "Silence",
    "decoded",
    "encoded",
]


LONGEST_REASON = 300
"""Characters that are kept of a reason: commands wait in the store, and states with their reasons are written whole."""


@dataclass(frozen=True, slots=True)
class Join:
    """A connection takes part; it calls the subscription `id`."""

    connection: str
    id: str


@dataclass(frozen=True, slots=True)
class Leave:
    """A connection takes part no more.

    Attributes:
        orderly: It said so itself: what it had was no reason.
    """

    connection: str
    orderly: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """The owner is done with a partition that was revoked.

    Attributes:
        frame: The number of the frame that revoked it; 0 if that is not known.
    """

    connection: str
    frame: int = 0


@dataclass(frozen=True, slots=True)
class Ack:
    """All that the owner was sent up to a place is handled, but for streams that are held.

    Attributes:
        epoch: Of the partition, when the place was given; empty, if that is not known.
        frame: The number of the frame that the place was given with; 0, if that is not known.
    """

    connection: str
    position: Position
    epoch: str = ""
    frame: int = 0


@dataclass(frozen=True, slots=True)
class AckStream:
    """All of a stream up to a sequence is handled; `frame` as in `Ack`, of the frame that held the event."""

    connection: str
    stream: str
    sequence: int
    frame: int = 0


@dataclass(frozen=True, slots=True)
class Nack:
    """An event could not be handled.

    Attributes:
        delay: Milliseconds until it is to be tried again; None for the hub's own pauses.
        park: Whether it is not to be tried again.
        reason: At most `LONGEST_REASON` characters.
        frame: As in `AckStream`.
    """

    connection: str
    stream: str
    sequence: int
    reason: str
    delay: int | None
    park: bool
    frame: int = 0


@dataclass(frozen=True, slots=True)
class Redrive:
    """A parked stream goes on: from the event that failed, behind it (`skip`), or behind all of it (`drop`)."""

    stream: str
    how: str


@dataclass(frozen=True, slots=True)
class Replay:
    """The group goes to another place, and forgets what it had in flight, held and parked.

    Attributes:
        from_oldest: Whether that is the oldest event kept, wherever it stands, so that nothing is missing before it.
        removals: Of how many removals of events who goes on there knows (`Missing.serial`): it is told of later ones.
    """

    position: Position
    from_oldest: bool = False
    removals: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """The group goes by another definition from here on; what is in flight ends as it began.

    Attributes:
        version: Of the definition; an older one than the group's changes nothing.
        definition: As `Durable.encoded` gives it.
    """

    version: int
    definition: str


@dataclass(frozen=True, slots=True)
class Heard:
    """The owner showed that it works, if not in this partition.

    Attributes:
        at: When, in milliseconds since 1970, by the clock of turns.
    """

    connection: str
    at: int


@dataclass(frozen=True, slots=True)
class Silence:
    """A deadline has passed, and the owner has shown nowhere that it works.

    Attributes:
        heard: When the group had last heard of it. If it has heard of it since, that counts.
    """

    connection: str
    heard: int


Command = Join | Leave | Release | Ack | AckStream | Nack | Redrive | Replay | Change | Heard | Silence

_KINDS: dict[str, type[Command]] = {
    "join": Join,
    "leave": Leave,
    "release": Release,
    "ack": Ack,
    "ack-stream": AckStream,
    "nack": Nack,
    "redrive": Redrive,
    "replay": Replay,
    "change": Change,
    "heard": Heard,
    "silence": Silence,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def encoded(command: Command) -> str:
    """What `decoded` reads back."""
    text = json.dumps([_NAMES[type(command)], *astuple(command)], separators=(",", ":"), ensure_ascii=False)
    # JSON may name half of a character, of which no text in the store is made.
    return text.encode(errors="replace").decode()


def decoded(text: str) -> Command:
    """The command that was encoded."""
    name, *members = json.loads(text)
    values: list[Any] = [Position(*member) if isinstance(member, list) else member for member in members]
    return _KINDS[name](*values)
