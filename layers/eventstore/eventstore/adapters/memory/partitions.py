"""What is kept of one partition: its log, its streams, its removals, and how far it was dispatched."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING

from eventstore.adapters.memory.entries import Entry
from eventstore.adapters.memory.removals import Removals
from eventstore.errors import StreamGone, StreamNotFound
from eventstore.ports import LogEnd
from eventstore.positions import BEGINNING, END, Epoch, Position

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore.adapters.memory.streams import StoredEvent, Stream
    from eventstore.streams import StreamName

__all__ = ["Dispatch", "Partition"]

_number = attrgetter("number")


@dataclass(slots=True)
class Dispatch:
    """How far a partition was dispatched, and the turn under way.

    Attributes:
        fencing_token: The token of the newest turn; 0 before the first one.
        checkpoint: The position up to which the log was dispatched.
        goal: The goal of the turn under way, or of one that did not commit; None if there is none.
        goal_pinned: Whether the goal was narrowed.
        frame_offset: See `Turn.frame_offset`.
        woken: Whether no wake-up is needed: one is outstanding, or nobody subscribes.
    """

    fencing_token: int = 0
    checkpoint: Position = BEGINNING
    goal: Position | None = None
    goal_pinned: bool = False
    frame_offset: int = 0
    woken: bool = False


@dataclass(slots=True)
class Partition:
    """A partition.

    Attributes:
        number: Its number.
        epoch: Its epoch.
        streams: Its streams by name, also those that were deleted for good.
        entries: The entries of its log that are kept, by number.
        times: The time of every entry that it ever had; entry 1 comes first. Times never go back.
        removals: The removals of events.
        dispatch: How far it was dispatched.
    """

    number: int
    epoch: Epoch
    streams: dict[StreamName, Stream] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    removals: Removals = field(default_factory=Removals)
    dispatch: Dispatch = field(default_factory=Dispatch)

    @property
    def end(self) -> Position:
        """The position after all entries that are kept."""
        return self.entries[-1].end if self.entries else BEGINNING

    @property
    def log_end(self) -> LogEnd:
        """The position after all entries that it ever had; see `ports.LogEnd`."""
        position = Position(len(self.times), 0, 0).end_of_append()
        return LogEnd(self.epoch, position, self.removals.serial)

    def stream(self, name: StreamName) -> Stream:
        """Return a stream.

        Raises:
            StreamNotFound: There is no such stream.
            StreamGone: The stream was deleted for good.
        """
        stream = self.streams.get(name)
        if stream is None:
            raise StreamNotFound(name)
        if stream.gone:
            raise StreamGone(name)
        return stream

    def listed(self) -> list[Stream]:
        """Return the streams that were not deleted for good, by name."""
        return [stream for _, stream in sorted(self.streams.items()) if not stream.gone]

    def add_entry(self, stream: StreamName, first: int, last: int, *, now: int) -> Entry:
        """Add an entry to the end of the log.

        Args:
            stream: The stream.
            first: The sequence of its first event; 0 for a deletion.
            last: The sequence of its last event; 0 for a deletion.
            now: The current time; if the clock was set back, the entry gets the time of the one before.
        """
        self.times.append(max([now, *self.times[-1:]]))
        entry = Entry(len(self.times), stream, first, last, self.times[-1])
        self.entries.append(entry)
        return entry

    def claim_wakeup(self) -> bool:
        """Return whether the caller is to wake up the partition; from then on, no other caller is."""
        needs_wakeup, self.dispatch.woken = not self.dispatch.woken, True
        return needs_wakeup

    def forwards(self, after: Position, until: Position = END) -> Iterator[tuple[Position, StoredEvent | None]]:
        """Return the positions after a position and up to another, with the event of each that readers see."""
        for entry in self.entries[bisect_left(self.entries, after.major, key=_number) :]:
            for sequence in entry.sequences:
                position = entry.position(sequence)
                if position > until:
                    return
                if position > after:
                    yield position, self._visible(entry, sequence)

    def backwards(self, before: Position) -> Iterator[tuple[Position, StoredEvent | None]]:
        """Return the positions before a position, newest first, with the event of each that readers see."""
        for entry in reversed(self.entries[: bisect_right(self.entries, before.major, key=_number)]):
            for sequence in reversed(entry.sequences):
                position = entry.position(sequence)
                if position < before:
                    yield position, self._visible(entry, sequence)

    def _visible(self, entry: Entry, sequence: int) -> StoredEvent | None:
        stream = self.streams[entry.stream]
        return stream.events[sequence] if sequence in stream.kept else None
