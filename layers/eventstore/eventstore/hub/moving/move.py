"""Moving a store: it is copied while it is used, then closed for writing until the rest is copied, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.hub.moving.groups import without_members
from eventstore.hub.moving.store import KINDS
from eventstore.hub.moving.verification import Verification
from eventstore.positions import BEGINNING

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.hub.moving.store import MovedStore
    from eventstore.ports import Clock
    from eventstore.ports.copied_values import CopiedGroup
    from eventstore.positions import Position

__all__ = ["Move", "Moved"]

_FEW = 1000
_MOST_PASSES = 20
"""A pass copies what was stored during the one before. Where publishers are as fast, there are never few events."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved.

    Attributes:
        events: How many events the store has.
        streams: How many streams, also those that were deleted for good.
        definitions: How many durable subscriptions, named filters and schemas.
        closed_ms: How long the store had been closed for writing when the copy was complete, in milliseconds.
    """

    events: int
    streams: int
    definitions: int
    closed_ms: int


class Move:
    """Moves a store. A move that was cut off is continued by the next one.

    Args:
        source: The store.
        target: An empty store, or what an earlier move has left there.
        clock: The time.
        report: Is given what is done, as sentences.
    """

    def __init__(self, source: MovedStore, target: MovedStore, *, clock: Clock, report: Callable[[str], None]) -> None:
        self._source = source
        self._target = target
        self._clock = clock
        self._report = report
        self._verification = Verification(source, target)
        self._partitions = range(source.log.partitions)

    def rehearse(self) -> int:
        """Copy what is there, and compare it, while the store is used; return how many events were compared.

        Raises:
            CopyDiffers: The copy is not like the store.
        """
        ends = self._source.log.ends(self._partitions)
        self._target.target.open({partition: end.epoch for partition, end in ends.items()})
        for _ in range(_MOST_PASSES):
            if self._copy_appends() < _FEW:
                break
        # What has not changed until the store is closed need not be copied then.
        self._copy_streams()
        beginnings = dict.fromkeys(self._partitions, BEGINNING)
        verified = self._verification.events(beginnings, self._ends(self._target), is_closed=False)
        self._report(f"{verified} events of the copy are like those of the store")
        return verified

    def run(self) -> Moved:
        """Move the store, which stays closed for writing: whoever still has it must not store anything in it.

        If anything fails, the store is opened again.

        Raises:
            CopyDiffers: The copy is not like the store.
        """
        self.rehearse()
        began = self._clock.now()
        self._report("the store is closed for writing")
        try:
            self._source.source.close_for_writing()
            moved = self._finish(began)
        except BaseException:
            self._source.source.reopen()
            self._report("the store is open again; nothing was moved")
            raise
        return moved

    def _finish(self, began: int) -> Moved:
        verified = self._ends(self._target)
        groups = {partition: self._groups(partition, began) for partition in self._partitions}
        self._copy_appends()
        self._copy_streams()
        for partition in self._partitions:
            self._target.target.put_partition(partition, self._source.source.partition(partition))
            self._target.target.put_groups(partition, groups[partition])
        for kind in KINDS:
            self._target.target.put_definitions(kind, self._source.source.definitions(kind))
        self._verification.events(verified, self._ends(self._source), is_closed=True)
        events = streams = 0
        for partition in self._partitions:
            self._verification.partition(partition)
            self._verification.groups(partition, groups[partition])
        for state in self._verification.streams():
            events, streams = events + state.head - state.first + 1, streams + 1
        definitions = self._verification.definitions()
        return Moved(events, streams, definitions, self._clock.now() - began)

    def _copy_appends(self) -> int:
        """Copy the appends that the copy does not have, and return the number of their events."""
        after, ends = self._ends(self._target), self._ends(self._source)
        number = 0
        for partition in self._partitions:
            position, at_end = after[partition], False
            while not at_end and position < ends[partition]:
                appends, position, at_end = self._source.source.appends(partition, after=position)
                self._target.target.append(partition, appends)
                number += sum(len(append.bodies) for append in appends)
        self._report(f"{number} events were copied")
        return number

    def _groups(self, partition: int, now: int) -> list[CopiedGroup]:
        copied = self._source.source.groups(partition)
        return [without_members(group, partition=partition, now=now) for group in copied]

    def _ends(self, store: MovedStore) -> dict[int, Position]:
        return {partition: end.position for partition, end in store.log.ends(self._partitions).items()}

    def _copy_streams(self) -> None:
        for partition, states in self._source.source.streams():
            copies = self._target.source.states(partition, [state.name for state in states])
            differing = [state for state, copy in zip(states, copies, strict=True) if state != copy]
            self._target.target.put_streams(partition, differing)
