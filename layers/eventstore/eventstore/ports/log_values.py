"""The values that a `Log` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.positions import Epoch, Position
    from eventstore.streams import StreamName, StreamState

__all__ = ["Appended", "Deleted", "Lag", "LogEnd", "Missing", "PartitionStats", "Slice", "Tail"]


class Appended(NamedTuple):
    """The result of an append. A tuple, because every publish makes one.

    Attributes:
        stream: The stream that holds the events.
        sequences: The sequence of each event, in the order given.
        duplicates: The indexes of the events that were stored before.
        partition: The partition of the stream.
        needs_wakeup: Whether the partition has something to dispatch and no wake-up outstanding: the caller wakes it
            up.
    """

    stream: StreamName
    sequences: Sequence[int]
    duplicates: frozenset[int]
    partition: int
    needs_wakeup: bool


@dataclass(frozen=True, slots=True)
class Deleted:
    """The result of a deletion.

    Attributes:
        partition: The partition of the stream.
        needs_wakeup: As in `Appended`.
    """

    partition: int
    needs_wakeup: bool


@dataclass(frozen=True, slots=True)
class Slice:
    """Events of one stream, and the state of the stream when they were read.

    Attributes:
        state: The state of the stream.
        epoch: The epoch of its partition.
        events: The events, in the order of reading.
        reached: The sequence of the last event that was read, whether `events` holds it or not; None if none was.
        size: The bytes of the events that were read.
    """

    state: StreamState
    epoch: Epoch
    events: Sequence[RecordedEvent]
    reached: int | None
    size: int


@dataclass(frozen=True, slots=True)
class Tail:
    """Events of one partition with their positions, and the position up to which the log was read.

    Attributes:
        epoch: The epoch of the partition.
        events: The events in log order; in reverse log order, if read backwards.
        position: Where the next read continues: after the part that was read, or before it, if read backwards.
        time: The time of `position`, as of `Log.times`.
        at_end: Whether nothing is left to read.
        removals: The removal serial of the partition, read after the events: it covers every removal that hid events
            from this read. Later removals have greater serials (`Missing.serial`).
        removed_until: The position of the newest removal that the partition remembers, or one after it; `BEGINNING` if
            there is none. No event at a later position is covered by `removals`: a reader that continues from there
            need not call `Log.missing`.
    """

    epoch: Epoch
    events: Sequence[tuple[Position, RecordedEvent]]
    position: Position
    time: int
    at_end: bool
    removals: int
    removed_until: Position


@dataclass(frozen=True, slots=True)
class Missing:
    """The events that retention or deletion removed from a part of one partition's log.

    Attributes:
        epoch: The epoch of the partition.
        serial: The serial of the newest removal considered. A partition numbers its removals from 1.
        ranges: Stream, first and last sequence; merged, in order, at most 100.
        complete: Whether `ranges` holds all of them. False if there are more, or if the partition has forgotten some.
        gone: The streams that were deleted for good in this part of the log, in order, whether they held events or
            not.
    """

    epoch: Epoch
    serial: int
    ranges: Sequence[tuple[StreamName, int, int]]
    complete: bool
    gone: Sequence[StreamName] = ()


@dataclass(frozen=True, slots=True)
class PartitionStats:
    """The contents of a partition.

    Attributes:
        partition: The partition's number.
        streams: The number of streams.
        appends: The number of appends whose events are kept. A deletion that was not dispatched yet counts as one.
        newest: When the newest event was stored, in milliseconds since 1970; None if there is none.
    """

    partition: int
    streams: int
    appends: int
    newest: int | None


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a reader of a partition is behind the end of its log.

    Attributes:
        events: The number of events after the reader's position; at most the number that the caller asked to count.
        oldest: When the first of these was stored, in milliseconds since 1970; None if there is none.
    """

    events: int
    oldest: int | None


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The end of one partition's log, with the epoch and the removal serial of the same moment.

    Attributes:
        epoch: The epoch of the partition.
        position: The position after everything that was ever appended; a removal does not move it back. Every later
            append is after it.
        removals: The removal serial of the partition (`Missing.serial`); every later removal has a greater one.
    """

    epoch: Epoch
    position: Position
    removals: int
