"""The `Log` on Redis Streams.

Every step that writes is one Lua script in one slot (`lua/`), so it happens whole or not at all, and may be sent twice.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from redis.exceptions import OutOfMemoryError

from eventstore.adapters.clock import SystemClock
from eventstore.adapters.redis.blocks import Blocks
from eventstore.adapters.redis.connection import ANSWERING, SOCKET_SECONDS
from eventstore.adapters.redis.entries import LAST, REACH, entries_of, recorded, sequence_and_time
from eventstore.adapters.redis.ids import MORE, Ids
from eventstore.adapters.redis.keys import partition_keys, stream_keys
from eventstore.adapters.redis.lag import Lags
from eventstore.adapters.redis.partitions import Partitions, random_epoch
from eventstore.adapters.redis.read_ahead import ReadAhead
from eventstore.adapters.redis.references import Window
from eventstore.adapters.redis.screen import Screen
from eventstore.adapters.redis.scripts import Script
from eventstore.adapters.redis.streams import STATE, Streams, state_of
from eventstore.adapters.redis.tail import Tails
from eventstore.adapters.redis.trimmed import Gap, read_missing
from eventstore.cloudevents import same_content
from eventstore.cloudevents.event import event_key
from eventstore.errors import Absent, AmbiguousEvent, EventConflict, StreamGone, WrongExpectedVersion
from eventstore.ports import Appended, PartitionStats, Slice
from eventstore.streams import ANY, Expected, partition_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.cloudevents.event import Event, RecordedEvent
    from eventstore.filters.clauses import Clauses
    from eventstore.ports import Clock, Deleted, Lag, Missing, Tail
    from eventstore.positions import Position
    from eventstore.streams import Condition, StreamConfig, StreamState

__all__ = ["RedisLog"]

_BLOCK = SOCKET_SECONDS / 2

# What stands below the head in the answer of append.lua.
_LIMITED, _RINGS, _FLAGS = 1, 2, 2


class RedisLog:
    """See `ports.Log`.

    Args:
        client: What `connection.connect` gives.
        partitions: How many a new store gets; an existing one must have that many. None: what it has, or 16.
        clock: The time that events are stored under; without one, the server's, as every deployment has it.
        new_epoch: Draws the epoch of a partition that is new, or is renewed.
        read_ahead: What turns have read of it already, if their `RedisTurns` leaves that there.
    """

    def __init__(
        self,
        client: Client,
        *,
        partitions: int | None = None,
        clock: Clock | None = None,
        new_epoch: Callable[[], str] = random_epoch,
        read_ahead: ReadAhead | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._partitions = Partitions(client, configured=partitions, new_epoch=new_epoch)
        self._ids = Ids(self._partitions)
        self._streams = Streams(self._partitions, self._ids, clock=clock or SystemClock())
        self._blocks = Blocks(client)
        self._tails = Tails(self._partitions, self._blocks, read_ahead or ReadAhead())
        self._lags = Lags(client)
        self._append = Script("log/append")

    @property
    def partitions(self) -> int:
        """See `Log.partitions`."""
        with ANSWERING:
            return self._partitions.count

    def append(self, stream: str, events: Sequence[Event], *, expected: Expected = ANY) -> Appended:
        """See `Log.append`."""
        head, bodies = b"".join([event.key for event in events]), [event.body for event in events]
        if expected.version is not None or self._clock is not None:
            version = expected.tag or ("" if expected.version is None else expected.version)
            head += f"{version}/{self._time()}".encode()
        with ANSWERING:
            number = partition_of(stream, self._partitions.count)
            partition, keys = partition_keys(number), stream_keys(number, stream)
            at = [keys.events, keys.state, partition.log, partition.streams, partition.bell]
            if expected.tag:
                at.append(partition.partition)
            answer = self._append(self._client, at, (head, *entries_of(bodies)))
            while not isinstance(answer, int) and answer[0] == b"conflict":
                _settle(stream, events, bodies, answer)
                answer = self._append(self._client, at, (head, *entries_of(bodies)))
            stored, *rest = (answer,) if isinstance(answer, int) else answer
            if isinstance(stored, int):
                if stored & _LIMITED:
                    self._streams.trim(stream)
                return _appended(stream, number, len(events), stored, rest)
        if stored == b"gone":
            raise StreamGone(stream)
        raise WrongExpectedVersion(stream, expected=expected.version or 0, actual=int(rest[0]))

    def read(
        self, stream: str, *, start: int, stop: int, count: int, backwards: bool = False, clauses: Clauses = ()
    ) -> Slice:
        """See `Log.read`."""
        with ANSWERING:
            partition, keys = self._partitions.keys(stream)
            number = partition_of(stream, self._partitions.count)
            wanted = start, stop
            if clauses:
                start, stop = self._blocks.skip_in_stream(number, keys.events, wanted, clauses, backwards=backwards)
            pipeline = self._client.pipeline(transaction=False)
            # Sequences have no gap, so forwards the last one wanted is known. The entry with the last one reaches on.
            last = stop if backwards else min(stop, start + count - 1)
            if backwards:
                pipeline.xrevrange(keys.events, min(last + REACH, LAST), start, count=count + REACH)
            else:
                pipeline.xrange(keys.events, start, min(last + REACH, LAST))
            # After the events: a deletion in between hides some that were read, and never shows one that is gone.
            pipeline.hmget(keys.state, STATE)
            pipeline.hget(partition.partition, "epoch")
            entries, fields, epoch = pipeline.execute()
            state = state_of(stream, fields)
            # What is below `first` is gone, and must not use up the page.
            short = not backwards and start < state.first <= stop and last < stop
            if self._streams.expire(state) or short:
                start = max(start, state.first)
                return self.read(stream, start=start, stop=stop, count=count, backwards=backwards, clauses=clauses)
            epoch = self._partitions.epoch(number, epoch)
            if not entries:
                passed = stop + 1 if backwards else start - 1
                return Slice(state, epoch, [], None if (start, stop) == wanted else passed, 0)
            # By what was read, not by the state: something may have been appended in between.
            newest, _ = sequence_and_time(entries[0 if backwards else -1][0])
            low, high = start, min(last, newest)
            if backwards:
                low = max(low, high - count + 1)
            found = recorded(
                stream, Screen(clauses).passing(entries), low=max(low, state.first), high=high, backwards=backwards
            )
            size = sum(len(entry[1][1]) for entry in entries)
            return Slice(state, epoch, found, low if backwards else high, size)

    def wait(self, stream: str, *, after: int, seconds: float, since: StreamState | None = None) -> None:
        """See `Log.wait`."""
        deadline = time.monotonic() + seconds
        with ANSWERING:
            partition, keys = self._partitions.keys(stream)
            deletion, kept = self._deletions(partition.ended, keys.state)
            known = kept if since is None else (since.first, False)
            while kept == known and (left := deadline - time.monotonic()) > 0:
                # Entry ids are <sequence>-<time>: beyond every time of `after` is beyond `after`.
                places = {keys.events: f"{after}-{LAST}", partition.ended: deletion}
                block = max(1, int(min(left, _BLOCK) * 1000))
                found = dict(self._client.xread(places, count=1, block=block) or {})
                if keys.events.encode() in found:
                    return
                if found:
                    # Some stream of the partition was deleted; the state says whether it was this one.
                    deletion, kept = self._deletions(partition.ended, keys.state)

    def tail(
        self,
        after: Mapping[int, Position],
        *,
        count: int,
        backwards: bool = False,
        until: Mapping[int, Position] | None = None,
        streams: Collection[str] = (),
        clauses: Clauses = (),
    ) -> Mapping[int, Tail]:
        """See `Log.tail`."""
        with ANSWERING:
            return self._tails.read(after, Window(count, backwards, until or {}, streams, clauses))

    def missing(
        self,
        after: Mapping[int, Position],
        *,
        since: Mapping[int, int] | None = None,
        until: Mapping[int, Position] | None = None,
        streams: Collection[str] = (),
        backwards: bool = False,
    ) -> Mapping[int, Missing]:
        """See `Log.missing`."""
        since, until = since or {}, until or {}
        gaps = {p: Gap(position, until.get(p), since.get(p, 0), streams, backwards) for p, position in after.items()}
        with ANSWERING:
            return read_missing(self._partitions, gaps)

    def lag(self, after: Mapping[int, Position], *, most: int) -> Mapping[int, Lag]:
        """See `Log.lag`."""
        with ANSWERING:
            return self._lags.count(after, most=most)

    def locate(self, event_id: str, *, source: str | None = None, stream: str | None = None) -> Sequence[RecordedEvent]:
        """See `Log.locate`."""
        with ANSWERING:
            if source is not None and stream is not None:
                return self._at(stream, self._client.hget(self._state(stream), event_key(source, event_id)))
            count = self._partitions.count
            found = []
            for places in self._ids.places(event_id, range(count) if stream is None else [partition_of(stream, count)]):
                if places[-1] == MORE:
                    raise AmbiguousEvent(event_id, candidates=[])
                for place in places:
                    name, _, sequence = place.rpartition("/")
                    if stream in {None, name}:
                        found += self._at(name, sequence)
            return found

    def create(self, stream: str, config: StreamConfig) -> bool:
        """See `Log.create`."""
        with ANSWERING:
            return self._streams.create(stream, config, time=self._time())

    def configure(self, known: StreamState, config: StreamConfig, *, exactly: bool = False) -> bool:
        """See `Log.configure`."""
        with ANSWERING:
            return self._streams.configure(known, config, exactly=exactly)

    def describe(self, stream: str) -> StreamState:
        """See `Log.describe`."""
        with ANSWERING:
            return self._streams.describe(stream)

    def streams(self, *, prefix: str, after: str, count: int) -> Sequence[StreamState]:
        """See `Log.streams`."""
        with ANSWERING:
            return self._streams.states(self._streams.names(prefix=prefix, after=after, count=count))

    def delete(self, stream: str, *, permanently: bool = False, conditions: Sequence[Condition] = ()) -> Deleted:
        """See `Log.delete`."""
        with ANSWERING:
            return self._streams.delete(stream, permanently=permanently, conditions=conditions, time=self._time())

    def gone(self, streams: Sequence[str]) -> Sequence[str]:
        """See `Log.gone`."""
        with ANSWERING:
            return self._streams.gone(streams)

    def trim(self, stream: str, *, until: int | None = None) -> int:
        """See `Log.trim`."""
        with ANSWERING:
            return self._streams.trim(stream, until=until)

    def deleted(self, partition: int) -> Sequence[str]:
        """See `Log.deleted`."""
        with ANSWERING:
            return self._streams.deleted(partition)

    def streams_with_retention(self, partition: int) -> Sequence[str]:
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
                    return self._tails.read({partition: position}, Window(count, False, {}, ()))[partition]

                # Without room for it, what was appended since is read event by event.
                with suppress(OutOfMemoryError):
                    self._blocks.extend(partition, read, may_go_on=may_go_on)

    def renew(self) -> Mapping[int, str]:
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

    def _deletions(self, ended: str, state: str) -> tuple[str, tuple[int, bool]]:
        """The newest deletion of a partition, and what a stream keeps: its first sequence, and whether it is gone."""
        pipeline = self._client.pipeline(transaction=False)
        # Before the state: a deletion in between is seen in the state, and a later one is newer than this.
        pipeline.xrevrange(ended, count=1)
        pipeline.hmget(state, ("first", "gone"))
        newest, (first, gone) = pipeline.execute()
        return newest[0][0].decode() if newest else "0-0", (int(first or 1), gone is not None)

    def _time(self) -> str:
        return "" if self._clock is None else str(self._clock.now())

    def _state(self, stream: str) -> str:
        return self._partitions.keys(stream)[1].state

    def _at(self, stream: str, sequence: bytes | str | None) -> list[RecordedEvent]:
        if sequence is None:
            return []
        try:
            return list(self.read(stream, start=int(sequence), stop=int(sequence), count=1).events)
        except Absent:
            return []


def _settle(stream: str, events: Sequence[Event], bodies: list[bytes], answer: Sequence[Any]) -> None:
    """Let an event that says the same in other letters pass as the duplicate it is; raise for one that does not."""
    for at in range(1, len(answer), 3):
        index, sequence, stored = int(answer[at]) - 1, int(answer[at + 1]), bytes(answer[at + 2])
        event = events[index]
        if not same_content(stored, event.body):
            raise EventConflict(stream, index=index, source=event.source, event_id=event.id, sequence=sequence)
        bodies[index] = stored


def _appended(stream: str, partition: int, count: int, stored: int, duplicates: Sequence[int]) -> Appended:
    head, needs_wakeup = stored >> _FLAGS, bool(stored & _RINGS)
    if not duplicates:
        return Appended(stream, range(head + 1, head + 1 + count), frozenset(), partition, needs_wakeup)
    known = {index - 1: sequence for index, sequence in zip(*[iter(duplicates)] * 2, strict=True)}
    sequences = []
    for index in range(count):
        if index in known:
            sequences.append(known[index])
        else:
            head += 1
            sequences.append(head)
    return Appended(stream, sequences, frozenset(known), partition, needs_wakeup)
