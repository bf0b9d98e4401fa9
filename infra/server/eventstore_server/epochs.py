"""Noticing that a partition has another history than before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.ports import Log, Missing, Tail
    from eventstore.positions import Epoch, Position
    from eventstore.streams import StreamName

__all__ = ["EpochChanged", "WatchedLog"]


class EpochChanged(Exception):
    """A partition has another epoch than the process knows: the store was reset, or restored from a backup."""


class WatchedLog:
    """The part of a `Log` that turns of ephemeral subscriptions read. It raises `EpochChanged` as soon as one has.

    Args:
        log: The log.
        epoch_of: Returns the epoch that the process knows of a partition.
    """

    def __init__(self, log: Log, epoch_of: Callable[[int], Epoch]) -> None:
        self._log = log
        self._epoch_of = epoch_of
        self._read: dict[int, list[tuple[Position, StreamName, int]]] = {}
        self._known: dict[int, tuple[Position, Position, Tail]] = {}

    def tail(self, after: Mapping[int, Position], **options: Any) -> Mapping[int, Tail]:  # noqa: ANN401 - those of `Log.tail`
        """See `Log.tail`.

        Raises:
            EpochChanged: See the class.
        """
        tails = self._known_tails(after, **options) or self._log.tail(after, **options)
        for partition, tail in tails.items():
            if tail.epoch != self._epoch_of(partition):
                raise EpochChanged
            if (read := self._read.get(partition)) is not None:
                read.extend((at, event.stream, event.sequence) for at, event in tail.events)
        return tails

    def know(self, partition: int, after: Position, until: Position, tail: Tail) -> None:
        """Have the events of a partition between two positions, which need not be read, until `forget`."""
        self._known[partition] = after, until, tail

    def forget(self, partition: int) -> None:
        """Undo `know`."""
        self._known.pop(partition, None)

    def _known_tails(
        self, after: Mapping[int, Position], *, count: int, until: Mapping[int, Position], streams: Sequence[str]
    ) -> Mapping[int, Tail]:
        """Return the tails if they are known; nothing if any has to be read."""
        tails = {}
        for partition, position in after.items():
            known = self._known.get(partition)
            if known is None or streams or known[:2] != (position, until[partition]) or len(known[2].events) > count:
                return {}
            tails[partition] = known[2]
        return tails

    def begin_read(self, partition: int) -> None:
        """Note from now on what is read of a partition, until `take_read`."""
        self._read[partition] = []

    def take_read(self, partition: int) -> Sequence[tuple[Position, StreamName, int]]:
        """Return position, stream and sequence of each event that was read of a partition since `begin_read`."""
        return self._read.pop(partition, ())

    def missing(self, after: Mapping[int, Position], **options: Any) -> Mapping[int, Missing]:  # noqa: ANN401 - those of `Log.missing`
        """See `Log.missing`."""
        return self._log.missing(after, **options)
