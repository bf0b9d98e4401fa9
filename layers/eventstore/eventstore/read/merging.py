"""Merging the events of several partitions in order of time, while the partitions are read in different steps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from heapq import heapify, heappop, heapreplace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.ports import Tail
    from eventstore.positions import Position
    from eventstore.read.selection import Selection
    from eventstore.streams import StreamName

__all__ = ["Merge"]

_CLOCK_INTERVAL = 64
"""How many events are decoded and tested between two checks of the time."""


class _Match(NamedTuple):
    """A matching event, and the position before it: where to read again if the page does not hold it."""

    event: RecordedEvent
    before: Position


@dataclass(slots=True)
class _Reader:
    """The progress in one partition.

    Attributes:
        reached: The position up to which it was tested.
        time: The time of that position, as of `Log.times`.
        ended: Whether nothing is left to read.
        matches: The matching events that were not taken yet.
        read: The position, and the stream and sequence, of every event that was tested.
    """

    reached: Position
    time: int
    ended: bool = False
    matches: deque[_Match] = field(default_factory=deque)
    read: list[tuple[Position, tuple[StreamName, int]]] = field(default_factory=list)

    @property
    def place(self) -> Position:
        """The position where the next page starts."""
        return self.matches[0].before if self.matches else self.reached


class Merge:
    """Selects the matching events of each partition, and returns them in order of time.

    An event can be taken when every partition was read up to its time: until then, another may have an earlier one.

    Args:
        began: The position where reading starts, per partition.
        times: The times of these positions.
        selection: The events to select.
        backwards: Whether the partitions are read backwards.
    """

    def __init__(
        self, began: Mapping[int, Position], times: Mapping[int, int], selection: Selection, *, backwards: bool
    ) -> None:
        self._readers = {partition: _Reader(position, times[partition]) for partition, position in began.items()}
        self._selection = selection
        self._backwards = backwards
        self._sign = -1 if backwards else 1

    @property
    def ended(self) -> frozenset[int]:
        """The partitions of which nothing is left to read or take."""
        return frozenset(p for p, reader in self._readers.items() if reader.ended and not reader.matches)

    @property
    def is_done(self) -> bool:
        """Whether all partitions have ended."""
        return len(self.ended) == len(self._readers)

    def behind(self) -> Mapping[int, Position]:
        """Return the partitions without a match to take, and where to read them; the one furthest behind first."""
        unread = {p: reader for p, reader in self._readers.items() if not (reader.ended or reader.matches)}
        in_order = sorted(unread.items(), key=lambda item: self._key(item[1].time, item[0]))
        return {partition: reader.reached for partition, reader in in_order}

    def add(self, tails: Mapping[int, Tail], may_go_on: Callable[[], bool]) -> None:
        """Test the events that were read. At least some are tested; the others are read again.

        Args:
            tails: The last read, per partition.
            may_go_on: Whether there is time for more.
        """
        tested = 0
        for partition, tail in tails.items():
            reader = self._readers[partition]
            for position, event in tail.events:
                if tested and tested % _CLOCK_INTERVAL == 0 and not may_go_on():
                    return
                tested += 1
                if self._selection.is_past(event, backwards=self._backwards):
                    reader.ended = True
                    break
                if self._selection.matches(event):
                    reader.matches.append(_Match(event, reader.reached))
                reader.reached, reader.time = position, event.time
                reader.read.append((position, (event.stream, event.sequence)))
            else:
                reader.reached, reader.time = tail.position, tail.time
                reader.ended = tail.at_end

    def take(self, count: int) -> list[RecordedEvent]:
        """Remove and return up to `count` of the next events, as far as their order is certain."""
        events: list[RecordedEvent] = []
        certain = min(
            (self._key(r.time, p) for p, r in self._readers.items() if not (r.ended or r.matches)),
            default=None,
        )
        waiting = [(self._key(r.matches[0].event.time, p), p) for p, r in self._readers.items() if r.matches]
        heapify(waiting)
        while waiting and len(events) < count:
            key, partition = waiting[0]
            if certain is not None and key > certain:
                break
            reader = self._readers[partition]
            events.append(reader.matches.popleft().event)
            if reader.matches:
                heapreplace(waiting, (self._key(reader.matches[0].event.time, partition), partition))
                continue
            heappop(waiting)
            if not reader.ended:
                reached = self._key(reader.time, partition)
                certain = reached if certain is None else min(certain, reached)
        return events

    def places(self) -> Mapping[int, Position]:
        """Return the position where the next page starts, per partition."""
        return {partition: reader.place for partition, reader in self._readers.items()}

    def read(self) -> Sequence[tuple[StreamName, int]]:
        """Return the stream and sequence of every event that was read up to these positions."""
        return [
            event
            for reader in self._readers.values()
            for position, event in reader.read
            if (position >= reader.place if self._backwards else position <= reader.place)
        ]

    def _key(self, time: int, partition: int) -> tuple[int, int]:
        return self._sign * time, self._sign * partition
