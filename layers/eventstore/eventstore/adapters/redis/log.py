"""The `Log` on Redis Streams.

Every write is one Lua script in one slot (`lua/`), so it is atomic, and repeating it is safe.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from redis.exceptions import OutOfMemoryError

from eventstore.adapters.clock import SystemClock
from eventstore.adapters.redis.appends import Appends
from eventstore.adapters.redis.blocks import Blocks
from eventstore.adapters.redis.cold import ColdEvents
from eventstore.adapters.redis.connection import ANSWERING
from eventstore.adapters.redis.entries import sequence_and_time
from eventstore.adapters.redis.ids import Ids
from eventstore.adapters.redis.keys import partition_keys
from eventstore.adapters.redis.lag import Lags
from eventstore.adapters.redis.partitions import Partitions, random_epoch
from eventstore.adapters.redis.read_ahead import ReadAhead
from eventstore.adapters.redis.references import TailQuery
from eventstore.adapters.redis.steps import RedisSteps
from eventstore.adapters.redis.stream_reads import StreamReads
from eventstore.adapters.redis.streams import Streams
from eventstore.adapters.redis.tail import Tails
from eventstore.adapters.redis.trimmed import Gap, read_missing
from eventstore.ports import Appended, PartitionStats, Slice
from eventstore.positions import BEGINNING, end_of
from eventstore.streams import ANY, Expected, StreamName

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from eventstore.adapters.redis.bodies import Bodies
    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.direct import Direct
    from eventstore.adapters.redis.growth import Growth
    from eventstore.adapters.redis.steps import Steps
    from eventstore.cloudevents.event import Event, EventId, RecordedEvent
    from eventstore.filters.clauses import Clauses
    from eventstore.ports import Clock, Deleted, Lag, LogEnd, Missing, Tail
    from eventstore.ports.history import History
    from eventstore.positions import Epoch, Position
    from eventstore.streams import Condition, StreamConfig, StreamState

__all__ = ["RedisLog"]


class RedisLog:
    """See `ports.Log`.

    Args:
        client: The client of the store (`connection.connect`).
        partitions: The number of partitions, which a store gets when it is created; an existing store must have it.
            None accepts any, and creates 16. Or the `Partitions` that the adapters of a process share.
        clock: The time under which events are stored; None is the server's time, which deployments use.
        new_epoch: Draws the epoch of a partition that is created or renewed.
        read_ahead: Where the `RedisTurns` of the process leaves the references that it has read.
        direct: Sends appends; None for the client.
        steps: Does what changes the log; None does it at once.
        bodies: Fetches the bodies of events; None if entries hold them.
        history: The archived events, where some left memory.
    """

    def __init__(
        self,
        client: Client,
        *,
        partitions: Partitions | int | None = None,
        clock: Clock | None = None,
        new_epoch: Callable[[], Epoch] = random_epoch,
        read_ahead: ReadAhead | None = None,
        direct: Direct | None = None,
        steps: Steps | None = None,
        bodies: Bodies | None = None,
        history: History | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._partitions = Partitions.of(client, partitions, new_epoch)
        self._ids = Ids(self._partitions)
        steps = steps or RedisSteps(client, clock=clock, direct=direct)
        cold = ColdEvents(client, history)
        self._streams = Streams(
            self._partitions, self._ids, clock=clock or SystemClock(), steps=steps, cold=cold, bodies=bodies
        )
        self._blocks = Blocks(client)
        self._tails = Tails(self._partitions, self._blocks, read_ahead or ReadAhead(), cold=cold, bodies=bodies)
        self._lags = Lags(client)
        self._appends = Appends(self._partitions, self._streams, steps=steps, cold=cold)
        self._reads = StreamReads(self._partitions, self._streams, self._ids, self._blocks, cold=cold, bodies=bodies)

    @property
    def partitions(self) -> int:
        """See `Log.partitions`."""
        with ANSWERING:
            return self._partitions.count

    def append(
        self, stream: StreamName, events: Sequence[Event], *, expected: Expected = ANY, growth: Growth | None = None
    ) -> Appended:
        """See `Log.append`. Here, `growth` takes in how the log of the partition grew."""
        with ANSWERING:
            return self._appends.append(stream, events, expected=expected, growth=growth)

    def read(
        self, stream: StreamName, *, start: int, stop: int, count: int, backwards: bool = False, clauses: Clauses = ()
    ) -> Slice:
        """See `Log.read`."""
        with ANSWERING:
            return self._reads.read(stream, start=start, stop=stop, count=count, backwards=backwards, clauses=clauses)

    def times(self, positions: Mapping[int, Position]) -> Mapping[int, int]:
        """See `Log.times`."""
        return {partition: position.major for partition, position in positions.items()}

    def positions_at(self, milliseconds: int, partitions: Iterable[int]) -> Mapping[int, Position]:
        """See `Log.positions_at`."""
        return dict.fromkeys(partitions, BEGINNING if milliseconds < 0 else end_of(milliseconds))

    def wait(self, stream: StreamName, *, after: int, seconds: float, since: StreamState | None = None) -> None:
        """See `Log.wait`."""
        with ANSWERING:
            self._reads.wait(stream, after=after, seconds=seconds, since=since)

    def tail(
        self,
        after: Mapping[int, Position],
        *,
        count: int,
        backwards: bool = False,
        until: Mapping[int, Position] | None = None,
        streams: Collection[StreamName] = (),
        clauses: Clauses = (),
    ) -> Mapping[int, Tail]:
        """See `Log.tail`."""
        with ANSWERING:
            return self._tails.read(after, TailQuery(count, backwards, until or {}, streams, clauses))

    def missing(
        self,
        after: Mapping[int, Position],
        *,
        since: Mapping[int, int] | None = None,
        until: Mapping[int, Position] | None = None,
        streams: Collection[StreamName] = (),
        backwards: bool = False,
    ) -> Mapping[int, Missing]:
        """See `Log.missing`."""
        since, until = since or {}, until or {}
        gaps = {p: Gap(position, until.get(p), since.get(p, 0), streams, backwards) for p, position in after.items()}
        with ANSWERING:
            return read_missing(self._partitions, gaps)

    def ends(self, partitions: Iterable[int]) -> Mapping[int, LogEnd]:
        """See `Log.ends`."""
        with ANSWERING:
            return self._partitions.ends(partitions)

    def lag(self, after: Mapping[int, Position], *, most: int) -> Mapping[int, Lag]:
        """See `Log.lag`."""
        with ANSWERING:
            return self._lags.count(after, most=most)

    def locate(
        self, event_id: EventId, *, source: str | None = None, stream: StreamName | None = None
    ) -> Sequence[RecordedEvent]:
        """See `Log.locate`."""
        with ANSWERING:
            return self._reads.locate(event_id, source=source, stream=stream)

    def create(self, stream: StreamName, config: StreamConfig) -> bool:
        """See `Log.create`."""
        with ANSWERING:
            return self._streams.create(stream, config)

    def configure(self, known: StreamState, config: StreamConfig, *, exactly: bool = False) -> bool:
        """See `Log.configure`."""
        with ANSWERING:
            return self._streams.configure(known, config, exactly=exactly)

    def describe(self, stream: StreamName) -> StreamState:
        """See `Log.describe`."""
        with ANSWERING:
            return self._streams.describe(stream)

    def streams(self, *, prefix: str, after: str, count: int) -> Sequence[StreamState]:
        """See `Log.streams`."""
        with ANSWERING:
            return self._streams.states(self._streams.names(prefix=prefix, after=after, count=count))

    def delete(self, stream: StreamName, *, permanently: bool = False, conditions: Sequence[Condition] = ()) -> Deleted:
        """See `Log.delete`."""
        with ANSWERING:
            return self._streams.delete(stream, permanently=permanently, conditions=conditions)

    def gone(self, streams: Sequence[StreamName]) -> Sequence[StreamName]:
        """See `Log.gone`."""
        with ANSWERING:
            return self._streams.gone(streams)

    def trim(self, stream: StreamName, *, until: int | None = None) -> int:
        """See `Log.trim`."""
        with ANSWERING:
            return self._streams.trim(stream, until=until)

    def deleted(self, partition: int) -> Sequence[StreamName]:
        """See `Log.deleted`."""
        with ANSWERING:
            return self._streams.deleted(partition)

    def streams_with_retention(self, partition: int) -> Sequence[StreamName]:
        """See `Log.streams_with_retention`."""
        with ANSWERING:
            return self._streams.streams_with_retention(partition)

    def index(self, partitions: Iterable[int], *, until: int | None = None) -> None:
        """See `Log.index`."""
        clock = self._clock or SystemClock()

        def may_go_on() -> bool:
            return until is None or clock.now() < until

        with ANSWERING:
            for partition in partitions:
                if not self._ids.catch_up([partition], may_go_on=may_go_on):
                    return

                def read(position: Position, count: int, partition: int = partition) -> Tail:
                    return self._tails.read({partition: position}, TailQuery(count, False, {}, ()))[partition]

                def count_after(position: Position, most: int, partition: int = partition) -> int:
                    return self._lags.count({partition: position}, most=most)[partition].events

                # If the store is full, events behind the last block are read one by one.
                with suppress(OutOfMemoryError):
                    self._blocks.extend(partition, read, count_after=count_after, may_go_on=may_go_on)

    def renew(self) -> Mapping[int, Epoch]:
        """See `Log.renew`."""
        with ANSWERING:
            return self._partitions.renew()

    def stats(self) -> Sequence[PartitionStats]:
        """See `Log.stats`."""
        with ANSWERING:
            pipeline = self._client.pipeline(transaction=False)
            for partition in range(self._partitions.count):
                keys = partition_keys(partition)
                pipeline.zcard(keys.streams)
                pipeline.xlen(keys.log)
                pipeline.xrevrange(keys.log, count=1)
            answers = iter(pipeline.execute())
            return [
                PartitionStats(partition, streams, appends, sequence_and_time(newest[0][0])[0] if newest else None)
                for partition, (streams, appends, newest) in enumerate(zip(answers, answers, answers, strict=True))
            ]

    def ping(self) -> None:
        """See `Log.ping`."""
        with ANSWERING:
            self._client.ping()
