"""Comparing the copy of a store with the store, by what readers of both see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.hub.moving.store import KINDS, CopyDiffers
from eventstore.positions import END

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.hub.moving.store import MovedStore
    from eventstore.ports import Log
    from eventstore.ports.copied_values import CopiedGroup, CopiedStream
    from eventstore.positions import Position

__all__ = ["Verification"]

_PAGE = 1000


class Verification:
    """Compares two stores. Each method raises `CopyDiffers` with the first difference.

    Args:
        source: The store.
        target: The copy.
    """

    def __init__(self, source: MovedStore, target: MovedStore) -> None:
        self._source = source
        self._target = target

    def events(self, after: Mapping[int, Position], until: Mapping[int, Position], *, is_closed: bool) -> int:
        """Compare events one by one, and return how many there are.

        Args:
            after: Per partition, the position after which events are compared.
            until: Per partition, the position up to which they are.
            is_closed: Whether the store accepts no writes. While it accepts them, it may remove events of the copy.
        """
        return sum(
            self._events(partition, after[partition], until[partition], is_closed=is_closed) for partition in after
        )

    def streams(self) -> Iterator[CopiedStream]:
        """Compare what both have of all streams besides their events, and yield each once."""
        names = set()
        for partition, states in self._source.source.streams():
            copies = self._target.source.states(partition, [state.name for state in states])
            for state, copy in zip(states, copies, strict=True):
                if state.name in names:
                    continue
                if state != copy:
                    raise CopyDiffers(f"stream {state.name!r} is {state}, and the copy has {copy}")
                names.add(state.name)
                yield state
        for _, states in self._target.source.streams():
            for state in states:
                if state.name not in names:
                    raise CopyDiffers(f"the copy has stream {state.name!r}, which the store does not have")

    def partition(self, partition: int) -> None:
        """Compare what both have of a partition besides its streams."""
        for what, stored, copy in zip(
            ("epoch", "end", "removals", "removals", "checkpoint"),
            self._source.source.partition(partition),
            self._target.source.partition(partition),
            strict=True,
        ):
            if stored != copy:
                raise CopyDiffers(f"partition {partition} has the {what} {stored}, and the copy has {copy}")

    def groups(self, partition: int, expected: Sequence[CopiedGroup]) -> None:
        """Compare the groups of a partition with those that the copy should have."""
        if [*self._target.source.groups(partition)] != [*expected]:
            raise CopyDiffers(f"the durable subscriptions of partition {partition} are other ones in the copy")

    def definitions(self) -> int:
        """Compare all definitions, and return how many there are."""
        number = 0
        for kind in KINDS:
            stored, copied = self._source.source.definitions(kind), self._target.source.definitions(kind)
            if stored != copied:
                names = {definition.name for definition in {*stored} ^ {*copied}}
                raise CopyDiffers(f"{kind} definitions are other ones in the copy: {', '.join(sorted(names))}")
            number += len(stored)
        return number

    def _events(self, partition: int, after: Position, until: Position, *, is_closed: bool) -> int:
        number = 0
        copies = _events(self._target.log, partition, after, until)
        for position, event in _events(self._source.log, partition, after, until):
            found, copy = next(copies, (END, None))
            while not is_closed and found < position:
                found, copy = next(copies, (END, None))
            if (found, copy) != (position, event):
                raise CopyDiffers(
                    f"partition {partition} has event {event.sequence} of stream {event.stream!r} at "
                    f"{'-'.join(map(str, position))}, and the copy has another one there, or none"
                )
            number += 1
        if is_closed and (surplus := next(copies, None)) is not None:
            raise CopyDiffers(f"the copy has an event that partition {partition} does not have: {surplus}")
        return number


def _events(log: Log, partition: int, after: Position, until: Position) -> Iterator[tuple[Position, RecordedEvent]]:
    """Yield the events of a part of a partition's log, with their positions."""
    while True:
        tail = log.tail({partition: after}, count=_PAGE, until={partition: until})[partition]
        yield from tail.events
        if tail.at_end:
            return
        after = tail.position
