"""What is kept of one stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from eventstore.cloudevents.event import RecordedEvent
from eventstore.streams import StreamConfig, StreamState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.adapters.memory.entries import Entry
    from eventstore.cloudevents.event import Event
    from eventstore.positions import Position
    from eventstore.streams import StreamName

__all__ = ["StoredEvent", "Stream"]


class StoredEvent(NamedTuple):
    """An event with its place in its stream, and in the log of its partition."""

    event: Event
    sequence: int
    entry: Entry

    @property
    def position(self) -> Position:
        """The position of the event in the log of its partition."""
        return self.entry.position(self.sequence)

    @property
    def recorded(self) -> RecordedEvent:
        """The event as readers get it."""
        return RecordedEvent(self.entry.stream, self.sequence, self.entry.time, self.event.body)


@dataclass(slots=True)
class Stream:
    """A stream, and its events.

    Events before `first` are hidden from every reader; they stay in memory until they are swept. So a deletion is one
    step however many events there are.

    Attributes:
        name, created, head, first, size, updated, config, changes: See `StreamState`.
        deleted: The highest sequence that a deletion hid; 0 if there was none.
        deletion: The entry of the newest deletion, until it was dispatched and its events are swept.
        gone: Whether it was deleted for good.
        events: The events in memory by sequence, in order.
        sequences: The newest sequence of each event in memory, by `Event.key`.
    """

    name: StreamName
    created: int
    config: StreamConfig = field(default=StreamConfig())
    head: int = 0
    first: int = 1
    size: int = 0
    updated: int = 0
    changes: int = 0
    deleted: int = 0
    deletion: Entry | None = None
    gone: bool = False
    events: dict[int, StoredEvent] = field(default_factory=dict)
    sequences: dict[bytes, int] = field(default_factory=dict)

    @property
    def state(self) -> StreamState:
        """The state as callers get it."""
        return StreamState(
            self.name,
            head=self.head,
            first=self.first,
            size=self.size,
            created=self.created,
            updated=self.updated or self.created,
            config=self.config,
            changes=self.changes,
        )

    @property
    def kept(self) -> range:
        """The sequences of the events that readers see."""
        return range(self.first, self.head + 1)

    def find(self, key: bytes) -> StoredEvent | None:
        """Return the event that has a key, if it is kept."""
        sequence = self.sequences.get(key, 0)
        return self.events[sequence] if sequence in self.kept else None

    def add(self, events: Mapping[int, Event], entry: Entry) -> None:
        """Store the events of an entry, by their sequences, which continue those of the stream."""
        for sequence, event in events.items():
            self.events[sequence] = StoredEvent(event, sequence, entry)
            self.sequences[event.key] = sequence
            self.size += len(event.body)
        self.head, self.updated = entry.last, entry.time

    def hide(self, first: int) -> None:
        """Hide the events before a sequence."""
        self.size -= sum(len(self.events[sequence].event.body) for sequence in range(self.first, first))
        self.first = first

    def sweep(self) -> int:
        """Remove the hidden events from memory, and return their number."""
        hidden = list(takewhile(lambda sequence: sequence < self.first, self.events))
        for sequence in hidden:
            key = self.events.pop(sequence).event.key
            # The same event may have been stored again, after a deletion.
            if self.sequences[key] == sequence:
                del self.sequences[key]
        return len(hidden)
