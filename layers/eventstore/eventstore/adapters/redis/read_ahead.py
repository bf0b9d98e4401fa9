"""The references that a turn will read: the script that begins it has them at hand, which spares a round trip."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from eventstore.adapters.redis.entries import sequence_and_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.positions import Position

__all__ = ["Ahead", "ReadAhead"]


class Ahead(NamedTuple):
    """Entries of a partition's log, as a turn found them when it began.

    Attributes:
        epoch: The partition's.
        start: Time and order of the entry that the turn starts behind.
        end: Those of the turn's target: no entry behind it is among these.
        entries: From the start on, in order; all up to the end, unless they are `limit`.
        limit: How many there are at most.
    """

    epoch: str
    start: tuple[int, int]
    end: tuple[int, int]
    entries: Sequence[tuple[bytes, Sequence[bytes]]]
    limit: int


class ReadAhead:
    """Hands the log what `Turns.begin` read of it, until the partition's next turn.

    An entry of the log never changes. One that was removed since names events that are not there any more: who reads
    references in a round trip of their own may meet such as well.
    """

    def __init__(self) -> None:
        self._kept: dict[int, Ahead] = {}

    def keep(self, partition: int, ahead: Ahead | None) -> None:
        """Keep what a turn that begins has read, if anything, in place of what the last one had."""
        if ahead is None:
            self._kept.pop(partition, None)
        else:
            self._kept[partition] = ahead

    def find(
        self, partition: int, after: Position, until: Position | None, count: int
    ) -> tuple[str, Sequence[tuple[bytes, Sequence[bytes]]]] | None:
        """The epoch, and the entries from one position to another, in order, `count` of them if there are as many.

        None, if what is kept does not hold all of them: they are to be read.
        """
        ahead = self._kept.get(partition)
        if ahead is None or until is None:
            return None
        first, last = (after.time, after.order), (until.time, until.order)
        if first < ahead.start or last > ahead.end:
            return None
        entries = ahead.entries
        if first > ahead.start or last < ahead.end:
            entries = [entry for entry in entries if first <= sequence_and_time(entry[0]) <= last]
        if len(entries) < count and len(ahead.entries) == ahead.limit:
            return None
        return ahead.epoch, entries[:count]
