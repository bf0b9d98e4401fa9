"""Reading the events of one stream, waiting for the next one, and finding events by id."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from eventstore.adapters.redis.cold import EventsRemoved, StreamPart
from eventstore.adapters.redis.connection import SOCKET_SECONDS
from eventstore.adapters.redis.entries import LAST, REACH, recorded, sequence_and_time
from eventstore.adapters.redis.ids import MORE
from eventstore.adapters.redis.screen import Screen
from eventstore.adapters.redis.streams import STATE, state_of
from eventstore.cloudevents.event import EventId, event_key
from eventstore.errors import Absent, AmbiguousEvent
from eventstore.ports import Slice
from eventstore.streams import StreamName, partition_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.redis.blocks import Blocks
    from eventstore.adapters.redis.bodies import Bodies
    from eventstore.adapters.redis.cold import ColdEvents
    from eventstore.adapters.redis.entries import Entry
    from eventstore.adapters.redis.ids import Ids
    from eventstore.adapters.redis.partitions import Partitions
    from eventstore.adapters.redis.streams import Streams
    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.filters.clauses import Clauses
    from eventstore.streams import StreamState

__all__ = ["StreamReads"]

_MAX_BLOCK_SECONDS = SOCKET_SECONDS / 2


class StreamReads:
    """Reads the streams of a store."""

    def __init__(
        self,
        partitions: Partitions,
        streams: Streams,
        ids: Ids,
        blocks: Blocks,
        *,
        cold: ColdEvents,
        bodies: Bodies | None = None,
    ) -> None:
        self._bodies = bodies
        self._cold = cold
        self._partitions = partitions
        self._client = partitions.client
        self._streams = streams
        self._ids = ids
        self._blocks = blocks

    def read(
        self, stream: StreamName, *, start: int, stop: int, count: int, backwards: bool, clauses: Clauses
    ) -> Slice:
        """See `Log.read`."""
        partition, keys = self._partitions.keys(stream)
        number = partition_of(stream, self._partitions.count)
        window = start, stop
        if clauses:
            start, stop = self._blocks.skip_in_stream(number, keys, window, clauses, backwards=backwards)
        pipeline = self._client.pipeline(transaction=False)
        # Sequences have no gap, so the last sequence of a forward read is known. Its entry may have a greater id.
        last = stop if backwards else min(stop, start + count - 1)
        if backwards:
            pipeline.xrevrange(keys.events, min(last + REACH, LAST), start, count=count + REACH)
        else:
            pipeline.xrange(keys.events, start, min(last + REACH, LAST))
        # After the events: a deletion in between hides some that were read, and never shows one that is gone.
        pipeline.hmget(keys.state, (*STATE, "cold"))
        pipeline.hget(partition.partition, "epoch")
        entries, (*fields, cold), epoch = pipeline.execute()
        last_cold = int(cold or 0)
        state = state_of(stream, fields)
        # Events below `first` are removed, and must not count towards the page.
        starts_below = not backwards and start < state.first <= stop and last < stop
        if self._streams.expire(state) or starts_below:
            start = max(start, state.first)
            return self.read(stream, start=start, stop=stop, count=count, backwards=backwards, clauses=clauses)
        epoch = self._partitions.epoch(number, epoch)
        if not entries and last_cold < start:
            skipped = stop + 1 if backwards else start - 1
            return Slice(state, epoch, [], None if (start, stop) == window else skipped, 0)
        # By the entries, not by the state: an append in between may have moved the head.
        newest = sequence_and_time(entries[0 if backwards else -1][0])[0] if entries else last_cold
        low, high = start, min(last, newest)
        if backwards:
            low = max(low, high - count + 1)
        low = max(low, state.first)
        if low > high:
            # All that was found is deleted, and is removed from memory later.
            return Slice(state, epoch, [], None, 0)
        if self._bodies is not None:
            [entries] = self._bodies.filled_in([(number, entries)])
        elif low <= last_cold:
            try:
                entries = self._completed(number, StreamPart(stream, low, high, entries), backwards=backwards)
            except EventsRemoved:
                return self.read(stream, start=start, stop=stop, count=count, backwards=backwards, clauses=clauses)
        events = recorded(stream, Screen(clauses).passing(entries), low=low, high=high, backwards=backwards)
        size = sum(len(entry[1][1]) for entry in entries)
        return Slice(state, epoch, events, low if backwards else high, size)

    def _completed(self, partition: int, part: StreamPart, *, backwards: bool) -> Sequence[Entry]:
        """Return the entries of a part in the order of reading, with those of cold events."""
        ascending = part.entries[::-1] if backwards else part.entries
        [entries] = self._cold.completed(partition, [part._replace(entries=ascending)])
        return entries[::-1] if backwards else entries

    def wait(self, stream: StreamName, *, after: int, seconds: float, since: StreamState | None) -> None:
        """See `Log.wait`."""
        deadline = time.monotonic() + seconds
        partition, keys = self._partitions.keys(stream)
        if int(self._client.hget(keys.state, "cold") or 0) > after:
            # The event is not in the stream that is waited for.
            return
        deletion, kept = self._deletion_and_kept(partition.ended, keys.state)
        known = kept if since is None else (since.first, False)
        while kept == known and (left := deadline - time.monotonic()) > 0:
            # Entry ids are <sequence>-<time>: an id after every time of `after` is after `after`.
            positions = {keys.events: f"{after}-{LAST}", partition.ended: deletion}
            block = max(1, int(min(left, _MAX_BLOCK_SECONDS) * 1000))
            entries_by_key = dict(self._client.xread(positions, count=1, block=block) or {})
            if keys.events.encode() in entries_by_key:
                return
            if entries_by_key:
                # A stream of the partition was deleted; the state says whether it was this one.
                deletion, kept = self._deletion_and_kept(partition.ended, keys.state)

    def locate(self, event_id: EventId, *, source: str | None, stream: StreamName | None) -> Sequence[RecordedEvent]:
        """See `Log.locate`."""
        if source is not None and stream is not None:
            state = self._partitions.keys(stream)[1].state
            return self._read_one(stream, self._client.hget(state, event_key(source, event_id)))
        count = self._partitions.count
        partitions = range(count) if stream is None else [partition_of(stream, count)]
        events: list[RecordedEvent] = []
        for places in self._ids.places(event_id, partitions):
            if places[-1] == MORE:
                raise AmbiguousEvent(event_id, candidates=[])
            for place in places:
                name, _, sequence = place.rpartition("/")
                if stream in {None, name}:
                    events += self._read_one(StreamName(name), sequence)
        return events

    def _read_one(self, stream: StreamName, sequence: bytes | str | None) -> list[RecordedEvent]:
        if sequence is None:
            return []
        number = int(sequence)
        try:
            return list(self.read(stream, start=number, stop=number, count=1, backwards=False, clauses=()).events)
        except Absent:
            return []

    def _deletion_and_kept(self, ended: str, state: str) -> tuple[str, tuple[int, bool]]:
        """Return the newest deletion of a partition; and a stream's first sequence, and whether it is gone.

        Args:
            ended: The key of the partition's newest deletion.
            state: The key of the stream's state.
        """
        pipeline = self._client.pipeline(transaction=False)
        # Before the state: a deletion in between shows in the state, and a later one has a greater id than this.
        pipeline.xrevrange(ended, count=1)
        pipeline.hmget(state, ("first", "gone"))
        newest, (first, gone) = pipeline.execute()
        return newest[0][0].decode() if newest else "0-0", (int(first or 1), gone is not None)
