"""The steps that make a store on a journal the copy of another one: each is a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.adapters.journaled.changes import Change, CopyPartition, CopyStream, Erased
from eventstore.adapters.journaled.copied import copy_of
from eventstore.adapters.redis.copy_steps import batches_of, copy_partition_steps, copy_stream_step
from eventstore.errors import TooLarge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.journaled.index import Index
    from eventstore.adapters.journaled.partitions import JournaledPartitions
    from eventstore.ports.copied_values import CopiedAppend, CopiedPartition, CopiedStream
    from eventstore.ports.journal import Journal

__all__ = ["JournaledCopySteps"]

_BATCH_BYTES = 256 * 1024


class JournaledCopySteps:
    """See `redis.copy_target.CopySteps`.

    Args:
        index: The index of the journal.
        partitions: The partitions of the store.
        journal: The journal.
    """

    def __init__(self, index: Index, partitions: JournaledPartitions, journal: Journal) -> None:
        self._index = index
        self._partitions = partitions
        self._journal = journal

    def appends(self, partition: int, appends: Sequence[CopiedAppend]) -> None:
        """See `CopySteps.appends`. Several appends are one record."""
        for batch in batches_of(appends, most_bytes=min(_BATCH_BYTES, self._journal.most_bytes // 2)):
            first, last = batch[0], batch[-1]
            try:
                self._write(partition, copy_of(batch), time=last.position.major)
            except TooLarge as error:
                raise TooLarge(
                    f"an append of {len(first.bodies)} events from sequence {first.first} of stream {first.stream!r} "
                    f"has {sum(map(len, first.bodies))} bytes, which does not fit into a record of the journal: "
                    f"{error.detail}"
                ) from error

    def streams(self, partition: int, streams: Sequence[CopiedStream]) -> None:
        """See `CopySteps.streams`."""
        for stream in streams:
            self._write(partition, CopyStream(stream.name, _encoded(copy_stream_step(partition, stream).arguments)))

    def partition(self, partition: int, copied: CopiedPartition) -> None:
        """See `CopySteps.partition`."""
        for step in copy_partition_steps(partition, copied):
            self._write(partition, CopyPartition(_encoded(step.arguments)), time=copied.end.major)

    def _write(self, partition: int, change: Change, *, time: int | None = None) -> None:
        """Write a change into the journal, and fold it.

        Args:
            partition: The partition.
            change: The change.
            time: The time of what is copied, in milliseconds since 1970: the clock of the partition goes by it.
        """
        # Nothing can refuse it, so it is only found out where the index is.
        tried = self._partitions.tried(partition, Erased())
        self._index.submitted(partition, change, tried if time is None else tried._replace(time=time))


def _encoded(arguments: Sequence[object]) -> tuple[bytes, ...]:
    return tuple(str(argument).encode() for argument in arguments)
