"""Commands of members and operators to a group. The partition's next turn applies them."""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from eventstore.positions import Epoch, Position

if TYPE_CHECKING:
    from eventstore.groups.ids import ConnectionId, SubscriptionId
    from eventstore.streams import StreamName

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
    "Pushed",
    "Redrive",
    "Release",
    "Replay",
    "Silence",
    "decoded",
    "encoded",
]


LONGEST_REASON = 300
"""The number of characters of a reason that are kept. Commands wait in the store, and states are written as a whole."""

_UNKNOWN_EPOCH = Epoch("")


@dataclass(frozen=True, slots=True)
class Join:
    """Add a connection to the members.

    Attributes:
        connection: The connection's id.
        id: The connection's own id for the subscription.
    """

    connection: ConnectionId
    id: SubscriptionId


@dataclass(frozen=True, slots=True)
class Leave:
    """Remove a connection from the members.

    Attributes:
        connection: The connection's id.
        orderly: Whether the member left by itself, or the hub ended its connection, so that none of the events that it
            had is a cause.
    """

    connection: ConnectionId
    orderly: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """Release a partition that was revoked from its owner.

    Attributes:
        connection: The owner's connection.
        frame: The number of the frame that revoked the partition; 0 if it is not known.
    """

    connection: ConnectionId
    frame: int = 0


@dataclass(frozen=True, slots=True)
class Ack:
    """Acknowledge all events that the owner was sent up to a position, except those of held streams.

    Attributes:
        connection: The owner's connection.
        position: The position in the cursor that the owner sent.
        epoch: The partition's epoch in that cursor; empty if it is not known.
        frame: The number of the frame that carried the cursor; 0 if it is not known.
    """

    connection: ConnectionId
    position: Position
    epoch: Epoch = _UNKNOWN_EPOCH
    frame: int = 0


@dataclass(frozen=True, slots=True)
class AckStream:
    """Acknowledge all events of a stream up to a sequence.

    Attributes:
        connection: The owner's connection.
        stream: The stream's name.
        sequence: The sequence of the last event that is acknowledged.
        frame: The number of the frame that carried this event; 0 if it is not known.
    """

    connection: ConnectionId
    stream: StreamName
    sequence: int
    frame: int = 0


@dataclass(frozen=True, slots=True)
class Nack:
    """Report that the owner could not handle an event.

    Attributes:
        connection: The owner's connection.
        stream: The stream of the event.
        sequence: The sequence of the event.
        reason: At most `LONGEST_REASON` characters.
        delay_ms: The milliseconds until the next attempt; None for the hub's own backoff.
        park: Whether to park the stream without another attempt.
        frame: As in `AckStream`.
        counts: Whether the failure counts as an attempt of the event.
    """

    connection: ConnectionId
    stream: StreamName
    sequence: int
    reason: str
    delay_ms: int | None
    park: bool
    frame: int = 0
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Pushed:
    """Report whether the target of a push could be reached.

    Attributes:
        connection: `TARGET`'s.
        unavailable: Why it could not be reached; empty if it could.
        pause_ms: For how many milliseconds it asked to be left alone.
        frame: The number of the frame that was pushed.
    """

    connection: ConnectionId
    unavailable: str
    pause_ms: int
    frame: int


@dataclass(frozen=True, slots=True)
class Redrive:
    """Resume a parked stream.

    Attributes:
        stream: The stream's name.
        how: `start` resumes at the event that failed, `skip` after it, `drop` after all parked events.
    """

    stream: StreamName
    how: str


@dataclass(frozen=True, slots=True)
class Replay:
    """Move the group to another position, and discard its events in flight and its held and parked streams.

    Attributes:
        position: The events after it are sent next.
        from_oldest: Whether the position is the oldest event kept, wherever that is, so that no event before it is
            reported as missing.
        removals: The removals of events that are known at the position (`Missing.serial`). Later ones are reported.
    """

    position: Position
    from_oldest: bool = False
    removals: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """Give the group another definition. Events in flight finish under the previous one.

    Attributes:
        version: The version of the definition. One that is not newer than the group's changes nothing.
        definition: The definition (`Durable.encoded`).
    """

    version: int
    definition: str


@dataclass(frozen=True, slots=True)
class Heard:
    """Report that the owner was active, perhaps in another partition.

    Attributes:
        connection: The owner's connection.
        at: When it was active, in milliseconds since 1970, by the clock of turns.
    """

    connection: ConnectionId
    at: int


@dataclass(frozen=True, slots=True)
class Silence:
    """Report that a deadline has passed and that the owner was active in no partition, or that a push was lost.

    Attributes:
        connection: The owner's connection.
        heard: The group's `heard` at that time. If the group's is newer, the command changes nothing.
    """

    connection: ConnectionId
    heard: int


Command = Join | Leave | Release | Ack | AckStream | Nack | Pushed | Redrive | Replay | Change | Heard | Silence

_KINDS: dict[str, type[Command]] = {
    "join": Join,
    "leave": Leave,
    "release": Release,
    "ack": Ack,
    "ack-stream": AckStream,
    "nack": Nack,
    "pushed": Pushed,
    "redrive": Redrive,
    "replay": Replay,
    "change": Change,
    "heard": Heard,
    "silence": Silence,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def encoded(command: Command) -> str:
    """Return the text that `decoded` reads."""
    text = json.dumps([_NAMES[type(command)], *astuple(command)], separators=(",", ":"), ensure_ascii=False)
    # JSON may hold a lone surrogate, which cannot be encoded as UTF-8 for the store.
    return text.encode(errors="replace").decode()


def decoded(text: str) -> Command:
    """Return the command that was encoded."""
    name, *members = json.loads(text)
    values: list[Any] = [Position(*member) if isinstance(member, list) else member for member in members]
    return _KINDS[name](*values)
