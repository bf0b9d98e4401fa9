"""The `Log` on a journal: that of Redis, which here is an index that may be lost, or behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from eventstore.adapters.redis.connection import ANSWERING
from eventstore.adapters.redis.log import RedisLog
from eventstore.errors import StreamNotFound
from eventstore.streams import partition_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from eventstore.adapters.journaled.store import JournaledStore
    from eventstore.adapters.redis.read_ahead import ReadAhead
    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.ports import Clock, Missing, PartitionStats, Slice, Tail
    from eventstore.positions import Position
    from eventstore.streams import StreamName, StreamState

__all__ = ["JournaledLog"]

ResultT = TypeVar("ResultT")


class JournaledLog(RedisLog):
    """See `ports.Log`. A reader that meets an index that is lost, or lacks what is asked for, makes it whole first.

    Args:
        store: The store.
        clock: See `RedisLog`.
        read_ahead: See `RedisLog`.
    """

    def __init__(
        self,
        store: JournaledStore,
        *,
        clock: Clock | None = None,
        read_ahead: ReadAhead | None = None,
    ) -> None:
        super().__init__(
            store.partitions.client,
            partitions=store.partitions,
            clock=clock,
            read_ahead=read_ahead,
            steps=store.steps,
            bodies=store.bodies,
        )
        self._store = store

    def read(self, stream: StreamName, **options: Any) -> Slice:
        """See `Log.read`."""
        return self._found(stream, lambda: super(JournaledLog, self).read(stream, **options), notices=True)

    def describe(self, stream: StreamName) -> StreamState:
        """See `Log.describe`."""
        return self._found(stream, lambda: super(JournaledLog, self).describe(stream))

    def tail(self, after: Mapping[int, Position], **options: Any) -> Mapping[int, Tail]:
        """See `Log.tail`."""
        return self._whole(after, lambda: super(JournaledLog, self).tail(after, **options), notices=True)

    def locate(self, *arguments: Any, **options: Any) -> Sequence[RecordedEvent]:
        """See `Log.locate`."""
        return self._whole(range(self.partitions), lambda: super(JournaledLog, self).locate(*arguments, **options))

    def streams(self, **options: Any) -> Sequence[StreamState]:
        """See `Log.streams`."""
        return self._whole(range(self.partitions), lambda: super(JournaledLog, self).streams(**options))

    def stats(self) -> Sequence[PartitionStats]:
        """See `Log.stats`."""
        return self._whole(range(self.partitions), super().stats)

    def missing(self, after: Mapping[int, Position], **options: Any) -> Mapping[int, Missing]:
        """See `Log.missing`."""
        return self._whole(after, lambda: super(JournaledLog, self).missing(after, **options))

    def index(self, partitions: Iterable[int], *, until: int | None = None) -> None:
        """See `Log.index`. Records of publishers that died are folded first."""
        numbers = list(partitions)
        with ANSWERING:
            for partition in numbers:
                self._store.partitions.ensure_open(partition)
                self._store.partitions.catch_up(partition)
        self._whole(numbers, lambda: super(JournaledLog, self).index(numbers, until=until), notices=True)

    def ping(self) -> None:
        """See `Log.ping`. The journal has to answer, too."""
        super().ping()
        self._store.index.end(0)

    def _found(self, stream: StreamName, read: Callable[[], ResultT], *, notices: bool = False) -> ResultT:
        """Return what a read of a stream returns, also if the index does not know the stream yet."""
        partition = partition_of(stream, self.partitions)
        try:
            return self._whole([partition], read, notices=notices)
        except StreamNotFound:
            # Another process may have made the index whole since.
            with ANSWERING:
                self._store.partitions.catch_up(partition)
        return self._whole([partition], read, notices=notices)

    def _whole(self, partitions: Iterable[int], read: Callable[[], ResultT], *, notices: bool = False) -> ResultT:
        with ANSWERING:
            return self._store.partitions.whole(partitions, read, notices=notices)
