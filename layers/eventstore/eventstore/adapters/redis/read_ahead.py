"""The references that a turn reads when it begins, kept for its read of the log: that saves a round trip."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from eventstore.adapters.redis.entries import sequence_and_time
from eventstore.positions import END_OF_APPEND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.positions import Epoch, Position

__all__ = ["Ahead", "ReadAhead"]


class Ahead(NamedTuple):
    """Entries of a partition's log that a turn read when it began.

    Attributes:
        epoch: The epoch of the partition; empty if it was not read with the entries.
        start: Time and order of the turn's checkpoint.
        end: Time and order of the turn's target.
        entries: The entries from start to end, in order.
        has_start: Whether the entry at the start is among them, if there is one.
    """

    epoch: Epoch
    start: tuple[int, int]
    end: tuple[int, int]
    entries: Sequence[tuple[bytes, Sequence[bytes]]]
    has_start: bool = True


class ReadAhead:
    """Keeps the entries that `Turns.begin` read for the log, until the partition's next turn.

    Entries of the log never change. An entry that was removed meanwhile names events that no longer exist; readers that
    fetch references in a round trip of their own must handle that, too.
    """

    def __init__(self) -> None:
        self._kept: dict[int, Ahead] = {}

    def keep(self, partition: int, ahead: Ahead | None) -> None:
        """Replace the entries of a partition.

        Args:
            partition: The partition's number.
            ahead: What the turn that begins has read; None if it read nothing.
        """
        if ahead is None:
            self._kept.pop(partition, None)
        else:
            self._kept[partition] = ahead

    def find(
        self, partition: int, after: Position, until: Position | None, count: int
    ) -> tuple[Epoch, Sequence[tuple[bytes, Sequence[bytes]]]] | None:
        """Return the epoch and the entries between two positions, both included.

        Args:
            partition: The partition's number.
            after: The position of the first entry.
            until: The position of the last entry; None is the end of the log.
            count: The maximum number of entries.

        Returns:
            None if not all of these entries are kept: the caller reads them from the store.
        """
        ahead = self._kept.get(partition)
        if ahead is None or until is None:
            return None
        first, last = (after.major, after.minor), (until.major, until.minor)
        if first < ahead.start or last > ahead.end:
            return None
        if first == ahead.start and not ahead.has_start and after.index < END_OF_APPEND:
            # The rest of the append at the position belongs to the read.
            return None
        entries = ahead.entries
        if first > ahead.start or last < ahead.end:
            entries = [entry for entry in entries if first <= sequence_and_time(entry[0]) <= last]
        return ahead.epoch, entries[:count]
