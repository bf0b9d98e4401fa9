"""Events of several partitions in order of time, while the partitions are read at their own paces."""

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

__all__ = ["Merge"]

_CHECKED = 64
"""Events that are decoded and tested from one look at the clock to the next."""


class _Match(NamedTuple):
    """An event that is wanted, and the place right before it, from which it is read again if it is not taken."""

    event: RecordedEvent
    before: Position


@dataclass(slots=True)
class _Reader:
    """One partition.

    Attributes:
        reached: The place up to which it was looked through.
        ended: Whether nothing is left to look through.
        matches: What was found and is not taken yet.
        read: Place, stream and sequence of all that was read.
    """

    reached: Position
    ended: bool = False
    matches: deque[_Match] = field(default_factory=deque)
    read: list[tuple[Position, tuple[str, int]]] = field(default_factory=list)

    @property
    def place(self) -> Position:
        """From where the next page goes on."""
        return self.matches[0].before if self.matches else self.reached


class Merge:
    """Takes what was read of each partition, and gives the events that are wanted in order of time.

    An event is given once every partition was read up to its time: one that has more may hold an earlier one.

    Args:
        began: Where each partition is begun.
        selection: Which events are wanted.
        backwards: The newest first.
    """

    def __init__(self, began: Mapping[int, Position], selection: Selection, *, backwards: bool) -> None:
        self._readers = {partition: _Reader(position) for partition, position in began.items()}
        self._selection = selection
        self._backwards = backwards
        self._sign = -1 if backwards else 1

    @property
    def ended(self) -> frozenset[int]:
        """The partitions of which nothing is left."""
        return frozenset(p for p, reader in self._readers.items() if reader.ended and not reader.matches)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left of any."""
        return len(self.ended) == len(self._readers)

    def behind(self) -> Mapping[int, Position]:
        """The partitions that are to be read next, and from where on: those of which no match waits; last, first."""
        waiting = {p: reader.reached for p, reader in self._readers.items() if not (reader.ended or reader.matches)}
        return dict(sorted(waiting.items(), key=lambda item: self._key(item[1].time, item[0])))

    def add(self, tails: Mapping[int, Tail], may_go_on: Callable[[], bool]) -> None:
        """Look at what was read, for as long as there is time; at some of it in any case."""
        looked = 0
        for partition, tail in tails.items():
            reader = self._readers[partition]
            for position, event in tail.events:
                if looked and looked % _CHECKED == 0 and not may_go_on():
                    return
                looked += 1
                if self._selection.is_past(event, backwards=self._backwards):
                    reader.ended = True
                    break
                if self._selection.matches(event):
                    reader.matches.append(_Match(event, reader.reached))
                reader.reached = position
                reader.read.append((position, (event.stream, event.sequence)))
            else:
                reader.reached = tail.position
                reader.ended = tail.at_end

    def take(self, count: int) -> list[RecordedEvent]:
        """Up to `count` of the next events whose place in the order is known by now."""
        taken: list[RecordedEvent] = []
        known = min(
            (self._key(r.reached.time, p) for p, r in self._readers.items() if not (r.ended or r.matches)),
            default=None,
        )
        waiting = [(self._key(r.matches[0].event.time, p), p) for p, r in self._readers.items() if r.matches]
        heapify(waiting)
        while waiting and len(taken) < count:
            key, partition = waiting[0]
            if known is not None and key > known:
                break
            reader = self._readers[partition]
            taken.append(reader.matches.popleft().event)
            if reader.matches:
                heapreplace(waiting, (self._key(reader.matches[0].event.time, partition), partition))
                continue
            heappop(waiting)
            if not reader.ended:
                at = self._key(reader.reached.time, partition)
                known = at if known is None else min(known, at)
        return taken

    def places(self) -> Mapping[int, Position]:
        """From where the next page goes on."""
        return {partition: reader.place for partition, reader in self._readers.items()}

    def read(self) -> Sequence[tuple[str, int]]:
        """Stream and sequence of all that was read up to these places."""
        return [
            named
            for reader in self._readers.values()
            for position, named in reader.read
            if (position >= reader.place if self._backwards else position <= reader.place)
        ]

    def _key(self, time: int, partition: int) -> tuple[int, int]:
        return self._sign * time, self._sign * partition
