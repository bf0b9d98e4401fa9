"""The `Log` in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.adapters.memory import reads, writes
from eventstore.adapters.memory.removals import Part
from eventstore.adapters.memory.store import MemoryStore, random_epoch
from eventstore.adapters.memory.streams import Stream
from eventstore.errors import StreamConflict, StreamGone
from eventstore.ports import PartitionStats
from eventstore.positions import END
from eventstore.streams import ANY, Expected, Retention, StreamName

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from eventstore.adapters.memory.partitions import Partition
    from eventstore.cloudevents.event import Event, EventId, RecordedEvent
    from eventstore.filters.clauses import Clauses
    from eventstore.ports import Appended, Deleted, Lag, LogEnd, Missing, Slice, Tail
    from eventstore.positions import Epoch, Position
    from eventstore.streams import Condition, StreamConfig, StreamState

__all__ = ["MemoryLog"]

_OFFSET_STEP = 100_000
"""How far `renew` moves frame numbers and fencing tokens ahead of those in use."""


class MemoryLog:
    """See `ports.Log`.

    One lock guards the store, so every method is one step. A position is the number of an entry: it says nothing of
    the time.

    Args:
        store: The store, which a `MemoryTurns` shares.
    """

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    @property
    def partitions(self) -> int:
        """See `Log.partitions`."""
        return len(self._store.partitions)

    def append(self, stream: StreamName, events: Sequence[Event], *, expected: Expected = ANY) -> Appended:
        """See `Log.append`."""
        with self._store.changed:
            partition = self._store.partition_of(stream)
            appended = writes.append(partition, stream, events, expected=expected, now=self._store.clock.now())
            self._store.changed.notify_all()
            return appended

    def read(
        self,
        stream: StreamName,
        *,
        start: int,
        stop: int,
        count: int,
        backwards: bool = False,
        clauses: Clauses = (),  # noqa: ARG002 - events that do not fulfil them may be left out, and are not
    ) -> Slice:
        """See `Log.read`."""
        with self._store.changed:
            partition, known = self._retained(stream)
            return reads.read_stream(partition, known, start=start, stop=stop, count=count, backwards=backwards)

    def times(self, positions: Mapping[int, Position]) -> Mapping[int, int]:
        """See `Log.times`."""
        with self._store.changed:
            return {p: reads.time_of(self._store.partitions[p], position) for p, position in positions.items()}

    def positions_at(self, milliseconds: int, partitions: Iterable[int]) -> Mapping[int, Position]:
        """See `Log.positions_at`."""
        with self._store.changed:
            return {p: reads.position_at(self._store.partitions[p], milliseconds) for p in partitions}

    def wait(self, stream: StreamName, *, after: int, seconds: float, since: StreamState | None = None) -> None:
        """See `Log.wait`."""
        with self._store.changed:
            streams = self._store.partition_of(stream).streams
            absent = Stream(stream, created=0)
            before = streams.get(stream, absent)
            first, gone = (before.first, before.gone) if since is None else (since.first, False)

            def is_over() -> bool:
                now = streams.get(stream, absent)
                was_deleted = now.deleted >= first or now.gone != gone
                return was_deleted or (len(now.kept) > 0 and now.head > after)

            self._store.changed.wait_for(is_over, timeout=seconds)

    def tail(
        self,
        after: Mapping[int, Position],
        *,
        count: int,
        backwards: bool = False,
        until: Mapping[int, Position] | None = None,
        streams: Collection[StreamName] = (),
        clauses: Clauses = (),  # noqa: ARG002 - as in `read`
    ) -> Mapping[int, Tail]:
        """See `Log.tail`."""
        ends = until or {}
        with self._store.changed:
            return {
                p: reads.read_tail(
                    self._store.partitions[p],
                    position,
                    count=count,
                    backwards=backwards,
                    until=ends.get(p, END),
                    streams=streams,
                )
                for p, position in after.items()
            }

    def missing(
        self,
        after: Mapping[int, Position],
        *,
        since: Mapping[int, int] | None = None,
        until: Mapping[int, Position] | None = None,
        streams: Collection[StreamName] = (),
        backwards: bool = False,  # noqa: ARG002 - no removals are reported in blocks
    ) -> Mapping[int, Missing]:
        """See `Log.missing`."""
        serials, ends = since or {}, until or {}
        parts = {p: Part(start, ends.get(p, END), serials.get(p, 0), streams) for p, start in after.items()}
        with self._store.changed:
            return {
                p: self._store.partitions[p].removals.missing(part, epoch=self._store.partitions[p].epoch)
                for p, part in parts.items()
            }

    def ends(self, partitions: Iterable[int]) -> Mapping[int, LogEnd]:
        """See `Log.ends`."""
        with self._store.changed:
            return {number: self._store.partitions[number].log_end for number in partitions}

    def lag(self, after: Mapping[int, Position], *, most: int) -> Mapping[int, Lag]:
        """See `Log.lag`."""
        with self._store.changed:
            return {
                p: reads.count_after(self._store.partitions[p], position, most=most) for p, position in after.items()
            }

    def locate(
        self, event_id: EventId, *, source: str | None = None, stream: StreamName | None = None
    ) -> Sequence[RecordedEvent]:
        """See `Log.locate`. All events are looked at: there is no index."""
        with self._store.changed:
            names = [listed.name for partition in self._store.partitions for listed in partition.listed()]
            streams = [self._retained(name)[1] for name in names if stream in {None, name}]
            kept = [retained.events[sequence] for retained in streams for sequence in retained.kept]
            is_one = source is not None and stream is not None
            return [
                stored.recorded
                for stored in kept
                if stored.event.id == event_id and (not is_one or stored.event.source == source)
            ]

    def create(self, stream: StreamName, config: StreamConfig) -> bool:
        """See `Log.create`."""
        with self._store.changed:
            known = self._store.partition_of(stream).streams.get(stream)
            if known is None:
                created = Stream(stream, created=self._store.clock.now(), config=config)
                self._store.partition_of(stream).streams[stream] = created
                return True
            if known.gone:
                raise StreamGone(stream)
            if known.config != config:
                raise StreamConflict(f"stream {stream!r} exists with other settings")
            return False

    def configure(self, known: StreamState, config: StreamConfig, *, exactly: bool = False) -> bool:
        """See `Log.configure`."""
        with self._store.changed:
            stream = self._store.partition_of(known.name).stream(known.name)
            is_same = (known.head, known.first) == (stream.head, stream.first)
            if known.changes != stream.changes or (exactly and not is_same):
                return False
            stream.config, stream.changes = config, stream.changes + 1
            return True

    def describe(self, stream: StreamName) -> StreamState:
        """See `Log.describe`."""
        with self._store.changed:
            return self._retained(stream)[1].state

    def streams(self, *, prefix: str, after: str, count: int) -> Sequence[StreamState]:
        """See `Log.streams`."""
        with self._store.changed:
            listed = (stream for partition in self._store.partitions for stream in partition.listed())
            states = (stream.state for stream in listed if stream.name.startswith(prefix) and stream.name > after)
            return sorted(states, key=lambda state: state.name)[:count]

    def delete(self, stream: StreamName, *, permanently: bool = False, conditions: Sequence[Condition] = ()) -> Deleted:
        """See `Log.delete`."""
        with self._store.changed:
            deleted = writes.delete(
                self._store.partition_of(stream),
                stream,
                permanently=permanently,
                conditions=conditions,
                now=self._store.clock.now(),
            )
            self._store.changed.notify_all()
            return deleted

    def gone(self, streams: Sequence[StreamName]) -> Sequence[StreamName]:
        """See `Log.gone`."""
        with self._store.changed:
            known = {name: self._store.partition_of(name).streams.get(name) for name in streams}
            return [name for name, stream in known.items() if stream and stream.gone]

    def trim(self, stream: StreamName, *, until: int | None = None) -> int:
        """See `Log.trim`. If there is time to begin, all is removed."""
        with self._store.changed:
            now = self._store.clock.now()
            partition = self._store.partition_of(stream)
            known = partition.streams.get(stream)
            if known is None or (until is not None and now >= until):
                return 0
            return writes.trim(partition, known, now=now)

    def deleted(self, partition: int) -> Sequence[StreamName]:
        """See `Log.deleted`."""
        with self._store.changed:
            streams = self._store.partitions[partition].streams
            return sorted(name for name, stream in streams.items() if stream.deletion)

    def streams_with_retention(self, partition: int) -> Sequence[StreamName]:
        """See `Log.streams_with_retention`."""
        with self._store.changed:
            listed = self._store.partitions[partition].listed()
            return [stream.name for stream in listed if stream.config.retention != Retention()]

    def index(self, partitions: Iterable[int], *, until: int | None = None) -> None:
        """See `Log.index`. There are no indexes."""

    def renew(self) -> Mapping[int, Epoch]:
        """See `Log.renew`."""
        with self._store.changed:
            for partition in self._store.partitions:
                partition.epoch = random_epoch()
                partition.dispatch.frame_offset += _OFFSET_STEP
                partition.dispatch.fencing_token += _OFFSET_STEP
            return {partition.number: partition.epoch for partition in self._store.partitions}

    def stats(self) -> Sequence[PartitionStats]:
        """See `Log.stats`."""
        with self._store.changed:
            return [
                PartitionStats(
                    partition.number,
                    len(partition.listed()),
                    len(partition.entries),
                    max((entry.time for entry in partition.entries if not entry.is_deletion), default=None),
                )
                for partition in self._store.partitions
            ]

    def ping(self) -> None:
        """See `Log.ping`. Memory always answers."""

    def _retained(self, name: StreamName) -> tuple[Partition, Stream]:
        """Return a stream without the events that its retention no longer keeps, and its partition."""
        partition = self._store.partition_of(name)
        stream = partition.stream(name)
        writes.retain(partition, stream, now=self._store.clock.now())
        return partition, stream
