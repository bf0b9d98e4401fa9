"""Streams in Redis: their state, their settings, and what they no longer keep."""

from __future__ import annotations

import json
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis_keys import partition_keys
from eventstore.adapters.redis_scripts import Script
from eventstore.cloudevents import attributes_of
from eventstore.errors import StreamConflict, StreamGone, StreamNotFound
from eventstore.events import event_key
from eventstore.streams import Retention, StreamConfig, StreamState, partition_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.redis_ids import Ids
    from eventstore.adapters.redis_partitions import Partitions
    from eventstore.ports import Clock

__all__ = ["BODY", "STATE", "Streams", "sequence_and_time", "state_of"]

STATE = ("head", "first", "bytes", "created", "updated", "gone", "limits", "labels")
"""The fields of a stream's hash that `state_of` reads, in its order."""

BODY = 1
"""Where the value stands in an entry's fields, behind the name of the only one."""

_AT_ONCE = 500
"""How many events one step removes: well under the arguments and the time that a script may take."""


def state_of(name: str, fields: Sequence[bytes | None]) -> StreamState:
    """A stream's state from the fields `STATE` of its hash.

    Raises:
        StreamNotFound: There is no such stream.
        StreamGone: It was deleted for good.
    """
    head, first, size, created, updated, gone, limits, labels = fields
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
    )


def sequence_and_time(entry_id: bytes) -> tuple[int, int]:
    """What the id of an event's entry says."""
    sequence, _, time = entry_id.partition(b"-")
    return int(sequence), int(time)


class Streams:
    """The streams of a store, apart from the reading and writing of their events."""

    def __init__(self, partitions: Partitions, ids: Ids, *, clock: Clock) -> None:
        self._partitions = partitions
        self._ids = ids
        self._client = partitions.client
        self._clock = clock
        self._create = Script("create")
        self._delete = Script("delete")
        self._trim = Script("trim")

    def create(self, stream: str, config: StreamConfig, *, time: str) -> bool:
        """See `Log.create`."""
        partition, keys = self._partitions.keys(stream)
        limits, labels = _encoded(config)
        answer = self._create(self._client, [keys.state, partition.streams], [stream, time, limits, labels])
        if answer[0] == b"gone":
            raise StreamGone(stream)
        if answer[0] == b"created":
            return True
        if _config(answer[1], answer[2]) != config:
            raise StreamConflict(f"stream {stream!r} exists with other settings; GET it to see them")
        return False

    def describe(self, stream: str) -> StreamState:
        """See `Log.describe`."""
        _, keys = self._partitions.keys(stream)
        state = state_of(stream, self._client.hmget(keys.state, STATE))
        return self.describe(stream) if self.expire(state) else state

    def names(self, *, prefix: str, after: str, count: int) -> Sequence[str]:
        """The names of up to `count` streams beyond `after` that start with `prefix`."""
        lowest = f"({after}" if after >= prefix and after else f"[{prefix}"
        pipeline = self._client.pipeline(transaction=False)
        for partition in range(self._partitions.count):
            # Names are ASCII, so 0xFF is beyond every name that starts with the prefix.
            highest = b"[" + prefix.encode() + b"\xff"
            pipeline.zrangebylex(partition_keys(partition).streams, lowest, highest, start=0, num=count)
        return [name.decode() for name in islice(merge(*pipeline.execute()), count)]

    def states(self, names: Sequence[str]) -> Sequence[StreamState]:
        """The state of each stream that is still there."""
        pipeline = self._client.pipeline(transaction=False)
        for name in names:
            pipeline.hmget(self._partitions.keys(name)[1].state, STATE)
        found = []
        for name, fields in zip(names, pipeline.execute(), strict=True):
            try:
                found.append(state_of(name, fields))
            except (StreamNotFound, StreamGone):
                continue
        return found

    def delete(self, stream: str, *, permanently: bool) -> None:
        """See `Log.delete`."""
        partition, keys = self._partitions.keys(stream)
        answer = self._delete(self._client, [keys.state, partition.streams], [stream, int(permanently)])
        if answer[0] == b"gone":
            raise StreamGone(stream)
        if answer[0] == b"absent":
            raise StreamNotFound(stream)
        self.trim(stream)

    def expire(self, state: StreamState) -> bool:
        """Remove the events that are older than the stream keeps them; whether there were any."""
        max_age = state.config.retention.max_age
        if max_age is None or not state.count:
            return False
        _, keys = self._partitions.keys(state.name)
        oldest = self._client.xrange(keys.events, state.first, count=1)
        if not oldest or sequence_and_time(oldest[0][0])[1] >= self._clock.now() - max_age * 1000:
            return False
        return self.trim(state.name) > 0

    def trim(self, stream: str) -> int:
        """See `Log.trim`."""
        partition, keys = self._partitions.keys(stream)
        known = self._client.hmget(keys.state, ("head", "first", "limits"))
        if known[0] is None:
            return 0
        head, first, limits = int(known[0]), int(known[1] or 1), _config(known[2] or b"", b"").retention
        if limits.max_events is not None:
            first = max(first, head - limits.max_events + 1)
        oldest = 0 if limits.max_age is None else self._clock.now() - limits.max_age * 1000
        removed: int = 0
        while True:
            entries = self._client.xrange(keys.events, count=_AT_ONCE)
            arguments: list[Any] = []
            for entry_id, fields in entries:
                sequence, time = sequence_and_time(entry_id)
                body = fields[BODY]
                if sequence >= first and time >= oldest:
                    break
                first = max(first, sequence + 1)
                arguments += (entry_id, _key(body), len(body))
            if not arguments:
                return removed
            # What is removed must stand in the index by then, or it would be added afterwards and never leave it.
            self._ids.catch_up([partition_of(stream, self._partitions.count)])
            at = [keys.events, keys.state, partition.log, partition.ids]
            removed += int(self._trim(self._client, at, [stream, first, *arguments]))
            if len(arguments) // 3 < len(entries):
                return removed


def _key(body: bytes) -> bytes:
    attributes = attributes_of(body)
    return event_key(str(attributes["source"]), str(attributes["id"]))


def _encoded(config: StreamConfig) -> tuple[str, str]:
    kept = config.retention
    limits = {"max_age": kept.max_age, "max_events": kept.max_events}
    limits = {name: value for name, value in limits.items() if value is not None}
    return json.dumps(limits) if limits else "", json.dumps(dict(config.labels)) if config.labels else ""


def _config(limits: bytes, labels: bytes) -> StreamConfig:
    return StreamConfig(Retention(**json.loads(limits or b"{}")), json.loads(labels or b"{}"))
