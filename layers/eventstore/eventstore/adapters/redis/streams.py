"""Streams in Redis: their states, settings, deletion and retention."""

from __future__ import annotations

import json
from dataclasses import asdict
from heapq import merge
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from eventstore.adapters.redis.cold import Place
from eventstore.adapters.redis.entries import LAST, recorded
from eventstore.adapters.redis.keys import partition_keys, stream_keys
from eventstore.adapters.redis.names import bounds_of_names
from eventstore.cloudevents import attributes_of
from eventstore.cloudevents.event import KEY_BYTES, EventId, event_key
from eventstore.errors import StreamConflict, StreamGone, StreamNotFound, WrongExpectedVersion
from eventstore.ports import Deleted
from eventstore.streams import Origin, Retention, StreamConfig, StreamName, StreamState, partition_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from eventstore.adapters.redis.bodies import Bodies
    from eventstore.adapters.redis.cold import ColdEvents
    from eventstore.adapters.redis.ids import Ids
    from eventstore.adapters.redis.partitions import Partitions
    from eventstore.adapters.redis.steps import Steps
    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.ports import Clock
    from eventstore.streams import Condition

__all__ = ["STATE", "Streams", "state_of"]

STATE = ("head", "first", "bytes", "created", "updated", "gone", "limits", "labels", "changes")
"""The fields of a stream's hash that `state_of` expects, in this order."""

_ORIGIN = ""
"""The label under which the origin of a fork is stored, which no owner can give: earlier releases keep what they do not
know among the labels, and so does every step that changes, journals or copies these."""

_FIRST_STEP, _STEP = 8, 128
"""How many entries a removal reads in its first step, which suffices after an append, and in later ones: with three
arguments per event, a script call stays well within the limits on arguments and time."""


def state_of(name: StreamName, fields: Sequence[bytes | None]) -> StreamState:
    """Return the state of a stream.

    Args:
        name: The name of the stream.
        fields: The values of the fields `STATE` of its hash.

    Raises:
        StreamNotFound: There is no such stream.
        StreamGone: The stream was deleted for good.
    """
    head, first, size, created, updated, gone, limits, labels, changes = fields
    if gone:
        raise StreamGone(name)
    if head is None:
        raise StreamNotFound(name)
    return StreamState(
        name,
        head=int(head),
        first=int(first or 1),
        size=int(size or 0),
        created=int(created or 0),
        updated=int(updated or 0),
        config=_config(limits or b"", labels or b""),
        changes=int(changes or 0),
    )


class Streams:
    """The streams of a store, except for reading and appending events.

    Args:
        partitions: The partitions of the store.
        ids: The index by id, which must know events before they are removed.
        clock: Decides which events have exceeded the maximum age.
        steps: Does what changes a stream.
        cold: Reads cold events.
        bodies: Fetches the bodies of events; None if entries hold them.
    """

    def __init__(
        self,
        partitions: Partitions,
        ids: Ids,
        *,
        clock: Clock,
        steps: Steps,
        cold: ColdEvents,
        bodies: Bodies | None = None,
    ) -> None:
        self._bodies = bodies
        self._cold = cold
        self._partitions = partitions
        self._ids = ids
        self._client = partitions.client
        self._clock = clock
        self._steps = steps

    def create(self, stream: StreamName, config: StreamConfig) -> bool:
        """See `Log.create`."""
        number = partition_of(stream, self._partitions.count)
        limits, labels = _encoded(config)
        answer = self._steps.create(number, stream, limits=limits, labels=labels)
        if answer[0] == b"gone":
            raise StreamGone(stream)
        if answer[0] == b"created":
            return True
        if _config(answer[1], answer[2]) != config:
            raise StreamConflict(f"stream {stream!r} exists with other settings; GET it to see them")
        return False

    def configure(self, known: StreamState, config: StreamConfig, *, exactly: bool) -> bool:
        """See `Log.configure`."""
        number = partition_of(known.name, self._partitions.count)
        version = f"{known.head}.{known.first}" if exactly else ""
        limits, labels = _encoded(config)
        (outcome,) = self._steps.configure(
            number, known.name, changes=known.changes, version=version, limits=limits, labels=labels
        )
        if outcome == b"gone":
            raise StreamGone(known.name)
        if outcome == b"absent":
            raise StreamNotFound(known.name)
        return bool(outcome == b"done")

    def describe(self, stream: StreamName) -> StreamState:
        """See `Log.describe`."""
        _, keys = self._partitions.keys(stream)
        state = state_of(stream, self._client.hmget(keys.state, STATE))
        return self.describe(stream) if self.expire(state) else state

    def names(self, *, prefix: str, after: str, count: int) -> Sequence[StreamName]:
        """Return the names that `Log.streams` lists; the arguments are the same."""
        bounds = bounds_of_names(prefix=prefix, after=after)
        pipeline = self._client.pipeline(transaction=False)
        for partition in range(self._partitions.count):
            pipeline.zrangebylex(partition_keys(partition).streams, *bounds, start=0, num=count)
        return [name.decode() for name in islice(merge(*pipeline.execute()), count)]

    def states(self, names: Sequence[StreamName]) -> Sequence[StreamState]:
        """Return the states of the streams that exist."""
        pipeline = self._client.pipeline(transaction=False)
        for name in names:
            pipeline.hmget(self._partitions.keys(name)[1].state, STATE)
        states = []
        for name, fields in zip(names, pipeline.execute(), strict=True):
            try:
                states.append(state_of(name, fields))
            except (StreamNotFound, StreamGone):
                continue
        return states

    def delete(self, stream: StreamName, *, permanently: bool, conditions: Sequence[Condition]) -> Deleted:
        """See `Log.delete`."""
        number = partition_of(stream, self._partitions.count)
        encoded = json.dumps([[int(condition.negated), *condition.versions] for condition in conditions])
        outcome, *details = self._steps.delete(number, stream, permanently=permanently, conditions=encoded)
        if outcome == b"gone":
            raise StreamGone(stream)
        if outcome == b"absent":
            raise StreamNotFound(stream)
        if outcome == b"version":
            heads = [condition.head for condition in conditions]
            raise WrongExpectedVersion(stream, expected=heads[0] if len(heads) == 1 else None, actual=int(details[0]))
        return Deleted(number, needs_wakeup=bool(details[0]))

    def gone(self, streams: Sequence[StreamName]) -> Sequence[StreamName]:
        """See `Log.gone`."""
        pipeline = self._client.pipeline(transaction=False)
        for stream in streams:
            pipeline.hexists(self._partitions.keys(stream)[1].state, "gone")
        return [stream for stream, gone in zip(streams, pipeline.execute(), strict=True) if gone]

    def deleted(self, partition: int) -> Sequence[StreamName]:
        """See `Log.deleted`."""
        names = self._client.sscan_iter(partition_keys(partition).deleted, count=1000)
        return sorted({name.decode() for name in names})

    def streams_with_retention(self, partition: int) -> Sequence[StreamName]:
        """See `Log.streams_with_retention`."""
        names = self._client.sscan_iter(partition_keys(partition).limits, count=1000)
        return sorted({name.decode() for name in names})

    def expire(self, state: StreamState) -> bool:
        """Trim the stream if its oldest event has exceeded the maximum age; return whether events were removed."""
        max_age = state.config.retention.max_age
        if max_age is None or not state.count:
            return False
        number = partition_of(state.name, self._partitions.count)
        oldest = self._oldest(number, state.name, after=state.first - 1, count=1)
        if not oldest or oldest[0].time >= self._clock.now() - max_age * 1000:
            return False
        return self.trim(state.name) > 0

    def trim(self, stream: StreamName, *, until: int | None = None) -> int:
        """See `Log.trim`."""
        number = partition_of(stream, self._partitions.count)
        keys = stream_keys(number, stream)
        fields = self._client.hmget(keys.state, ("head", "first", "limits", "swept", "mark"))
        if fields[0] is None:
            return 0
        head, first, swept, mark = int(fields[0]), int(fields[1] or 1), int(fields[3] or 0), fields[4]
        limits = _config(fields[2] or b"", b"").retention
        if limits.max_events is not None:
            first = max(first, head - limits.max_events + 1)
        oldest = 0 if limits.max_age is None else self._clock.now() - limits.max_age * 1000
        removed, step = 0, _FIRST_STEP

        def may_go_on() -> bool:
            return until is None or self._clock.now() < until

        while may_go_on():
            events = self._oldest(number, stream, after=swept, count=step)
            expired = list(takewhile(lambda event: event.sequence < first or event.time < oldest, events))
            if not expired:
                if mark:
                    # All deleted events are removed: the log's mark of the deletion is removed once it was dispatched.
                    self._steps.trim(number, stream, ())
                break
            # Index before removing: an event that is indexed after its removal would stay in the index forever.
            if not self._ids.catch_up([number], may_go_on=may_go_on):
                break
            arguments = self._trim_arguments(number, stream, expired)
            count, stopped = self._steps.trim(number, stream, arguments)
            removed += int(count)
            if stopped or len(expired) < len(events):
                break
            swept, step = expired[-1].sequence, _STEP
        return removed

    def _oldest(self, partition: int, stream: StreamName, *, after: int, count: int) -> Sequence[RecordedEvent | Place]:
        """Return the first events of a stream after a sequence, from about as many entries as `count`; or their places.

        Args:
            partition: The partition of the stream.
            stream: The name of the stream.
            after: The sequence.
            count: How many entries to read.
        """
        entries = self._client.xrange(stream_keys(partition, stream).events, after + 1, count=count)
        if self._bodies is not None:
            [entries] = self._bodies.filled_in([(partition, entries)])
        events = recorded(stream, entries, low=after + 1, high=LAST)
        # Cold events come first.
        lacks_first = not events or events[0].sequence > after + 1
        return (lacks_first and self._cold.oldest(partition, stream, after=after, count=count)) or events

    def _trim_arguments(
        self, partition: int, stream: StreamName, events: Sequence[RecordedEvent | Place]
    ) -> Sequence[str | bytes | int]:
        """Return the arguments of trim.lua for events."""
        keys = self._keys_of_cold(partition, stream, {event.time for event in events if isinstance(event, Place)})
        arguments: list[str | bytes | int] = []
        for event in events:
            if isinstance(event, Place):
                key, size = keys.get(event.sequence, b""), event.size
            else:
                attributes = attributes_of(event.body)
                key, size = event_key(str(attributes["source"]), EventId(str(attributes["id"]))), len(event.body)
            arguments += (f"{event.sequence}-{event.time}", key, size)
        return arguments

    def _keys_of_cold(self, partition: int, stream: StreamName, times: AbstractSet[int]) -> Mapping[int, bytes]:
        """Return the keys of events of a stream that were stored at some times, from the log, by their sequences."""
        pipeline = self._client.pipeline(transaction=False)
        for time in times:
            pipeline.xrange(partition_keys(partition).log, time, time)
        return {
            int(reference.partition(b"-")[0]) + index: keys[KEY_BYTES * index : KEY_BYTES * (index + 1)]
            for entries in (pipeline.execute() if times else ())
            for _, (name, reference, _, keys) in entries
            if name.decode() == stream
            for index in range(len(keys) // KEY_BYTES)
        }


def _encoded(config: StreamConfig) -> tuple[str, str]:
    retention = config.retention
    limits = {"max_age": retention.max_age, "max_events": retention.max_events}
    limits = {name: value for name, value in limits.items() if value is not None}
    labels = dict(config.labels)
    if config.forked_from is not None:
        labels[_ORIGIN] = json.dumps(asdict(config.forked_from), separators=(",", ":"))
    return json.dumps(limits) if limits else "", json.dumps(labels) if labels else ""


def _config(limits: bytes, labels: bytes) -> StreamConfig:
    named = json.loads(labels or b"{}")
    origin = named.pop(_ORIGIN, None)
    return StreamConfig(
        Retention(**json.loads(limits or b"{}")), named, None if origin is None else Origin(**json.loads(origin))
    )
