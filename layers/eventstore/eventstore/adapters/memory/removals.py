"""What a partition remembers of the events that it removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from eventstore.ports import Missing
from eventstore.positions import BEGINNING, Epoch, Position
from eventstore.read.gaps import merge_ranges

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from eventstore.adapters.memory.entries import Entry
    from eventstore.streams import StreamName

__all__ = ["Part", "Removal", "Removals"]

_MAX_RANGES = 100
"""The maximum number of ranges in a result; see `Missing.ranges`."""


class Removal(NamedTuple):
    """Adjacent events of one entry that were removed; or the end of a stream that was deleted for good.

    Attributes:
        entry: Their entry; the entry of the deletion, for the end of a stream.
        first: The first sequence removed.
        last: The last sequence removed.
    """

    entry: Entry
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a partition's log of which a reader asks what is missing.

    Attributes:
        after: The position after which it starts.
        until: The position up to which it extends.
        since: Only removals with a greater serial.
        streams: Only events of these streams; of all streams, if empty.
    """

    after: Position
    until: Position
    since: int
    streams: Collection[StreamName]


class Removals:
    """The removals of a partition, in the order in which they were made. None is forgotten.

    Attributes:
        serial: The number of steps that hid events from readers, from 1; see `Missing.serial`.
        until: The position of the newest event removed, or after it; see `Tail.removed_until`.
    """

    def __init__(self) -> None:
        self.serial = 0
        self.until = BEGINNING
        self._removals: list[tuple[int, Removal]] = []

    def record(self, removals: Iterable[Removal]) -> None:
        """Remember what one step removed."""
        self.serial += 1
        for removal in removals:
            self._removals.append((self.serial, removal))
            self.until = max(self.until, removal.entry.position(removal.last))

    def missing(self, part: Part, *, epoch: Epoch) -> Missing:
        """Return what is missing from a part of the log, in an epoch of the partition; see `Log.missing`."""
        ranges, gone = [], []
        for serial, (entry, first, last) in self._removals:
            if serial <= part.since or (part.streams and entry.stream not in part.streams):
                continue
            removed = range(first, last + 1)
            within = [sequence for sequence in removed if part.after < entry.position(sequence) <= part.until]
            if within and entry.is_deletion:
                gone.append(entry.stream)
            elif within:
                ranges.append((entry.stream, within[0], within[-1]))
        merged = merge_ranges(ranges)
        return Missing(epoch, self.serial, merged[:_MAX_RANGES], len(merged) <= _MAX_RANGES, sorted(gone))
