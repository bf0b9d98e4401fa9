"""The `CopySource` in Redis, whether it holds the events or is the index of a journal."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, cast

from eventstore.adapters.redis.cold import CHUNK, EventsRemoved, StreamPart
from eventstore.adapters.redis.connection import ANSWERING
from eventstore.adapters.redis.definitions import listed
from eventstore.adapters.redis.entries import REACH, id_of_entry, recorded, sequence_and_time
from eventstore.adapters.redis.keys import partition_keys, stream_keys, turn_keys
from eventstore.adapters.redis.scripts import Script
from eventstore.ports.copied_values import (
    CopiedAppend,
    CopiedAppends,
    CopiedDefinition,
    CopiedGroup,
    CopiedPartition,
    CopiedStream,
)
from eventstore.positions import BEGINNING, END_OF_APPEND, Position
from eventstore.streams import StreamName
from eventstore.subscriptions import SubscriptionKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from eventstore.adapters.redis.bodies import Bodies
    from eventstore.adapters.redis.cold import ColdEvents
    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.definitions import Definitions
    from eventstore.adapters.redis.partitions import Partitions

__all__ = ["RedisCopySource"]

_APPENDS = 250
_STREAMS = 500
_FIELDS = ("head", "first", "bytes", "created", "updated", "changes", "limits", "labels", "gone")
_SERIALS = ("trims", "forgotten", "forgotten_serial", "removed_until")


class RedisCopySource:
    """See `ports.copies.CopySource`.

    Args:
        partitions: The partitions of the store.
        definitions: The definitions of each kind.
        cold: Reads cold events.
        bodies: Fetches the bodies of events; None if entries hold them.
    """

    def __init__(
        self,
        partitions: Partitions,
        *,
        definitions: Mapping[str, Definitions],
        cold: ColdEvents,
        bodies: Bodies | None = None,
    ) -> None:
        self._client: Client = partitions.client
        self._partitions = partitions
        self._definitions = definitions
        self._cold = cold
        self._bodies = bodies
        self._close = Script("log/close", "shared/bell")
        self._reopen = Script("log/reopen", "shared/bell")

    def appends(self, partition: int, *, after: Position) -> CopiedAppends:
        """See `CopySource.appends`."""
        log = partition_keys(partition).log
        with ANSWERING:
            start = f"({id_of_entry(after)}"
            entries = self._client.execute_command("XRANGE", log, start, "+", "COUNT", _APPENDS)
            if not entries:
                return CopiedAppends((), after, at_end=True)
            # Marks of deletions have no events.
            references = [entry for entry in entries if entry[1][3]]
            try:
                appends = list(self._read(partition, references))
            except EventsRemoved:
                return self.appends(partition, after=after)
        end = Position(*sequence_and_time(entries[-1][0]), END_OF_APPEND)
        return CopiedAppends(appends, end, at_end=len(entries) < _APPENDS)

    def streams(self) -> Iterator[tuple[int, Sequence[CopiedStream]]]:
        """See `CopySource.streams`. One scan, for it looks at all keys of the store."""
        names: defaultdict[int, list[StreamName]] = defaultdict(list)
        with ANSWERING:
            # Both clients of redis-py have it; a cluster asks all of its nodes.
            for key in cast("Any", self._client).scan_iter(match="{p*}:state:*", count=1000):
                tag, _, name = key.decode().partition("}:state:")
                partition = int(tag.removeprefix("{p"))
                names[partition].append(StreamName(name))
                if len(names[partition]) == _STREAMS:
                    yield partition, self._existing(partition, names.pop(partition))
            for partition, rest in names.items():
                yield partition, self._existing(partition, rest)

    def states(self, partition: int, names: Sequence[StreamName]) -> Sequence[CopiedStream | None]:
        """See `CopySource.states`."""
        pipeline = self._client.pipeline(transaction=False)
        for name in names:
            pipeline.hmget(stream_keys(partition, name).state, _FIELDS)
        with ANSWERING:
            return [_stream(name, fields) for name, fields in zip(names, pipeline.execute(), strict=True)]

    def partition(self, partition: int) -> CopiedPartition:
        """See `CopySource.partition`."""
        keys = partition_keys(partition)
        with ANSWERING:
            end = self._partitions.ends([partition])[partition]
            fields = self._client.hmget(keys.partition, _SERIALS)
            removals = cast("Any", self._client).zrange(keys.trimmed, 0, -1, withscores=True)
            checkpoint = self._client.hget(keys.turn, "done")
        return CopiedPartition(
            end.epoch,
            end.position,
            [_text(field) for field in fields],
            [(int(time), member.decode()) for member, time in removals],
            BEGINNING if checkpoint is None else Position(*sequence_and_time(checkpoint), END_OF_APPEND),
        )

    def groups(self, partition: int) -> Sequence[CopiedGroup]:
        """See `CopySource.groups`."""
        keys = turn_keys(partition)
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hgetall(keys.groups)
        pipeline.hgetall(keys.durables)
        with ANSWERING:
            states, definitions = pipeline.execute()
        return [
            CopiedGroup(SubscriptionKey(key.decode()), definitions[key].decode(), states[key].decode())
            for key in sorted(states.keys() & definitions.keys())
        ]

    def definitions(self, kind: str) -> Sequence[CopiedDefinition]:
        """See `CopySource.definitions`."""
        with ANSWERING:
            return [
                CopiedDefinition(name, _text(text), _text(reference))
                for name, text, reference in listed(self._definitions[kind])
            ]

    def close_for_writing(self) -> None:
        """See `CopySource.close_for_writing`."""
        with ANSWERING:
            for partition in range(self._partitions.count):
                keys = partition_keys(partition)
                self._close(self._client, [keys.partition, keys.turn, keys.bell], ())

    def reopen(self) -> None:
        """See `CopySource.reopen`."""
        with ANSWERING:
            for partition in range(self._partitions.count):
                keys = partition_keys(partition)
                self._reopen(self._client, [keys.partition, keys.bell], ())

    def _existing(self, partition: int, names: Sequence[StreamName]) -> Sequence[CopiedStream]:
        return [state for state in self.states(partition, names) if state is not None]

    def _read(self, partition: int, references: Sequence[Any]) -> Iterator[CopiedAppend]:
        """Yield the append of each entry of the log, unless all of its events were removed."""
        pipeline = self._client.pipeline(transaction=False)
        appends = []
        for entry_id, (name, reference, _, keys) in references:
            stream = StreamName(name.decode())
            first, _, end = reference.partition(b"-")
            base, last = int(first), int(end or first)
            appends.append((entry_id, stream, base, last, keys))
            stored = stream_keys(partition, stream)
            pipeline.xrange(stored.events, base, last + REACH)
            pipeline.hget(stored.state, "first")
            pipeline.hmget(stored.digests, _chunks(base, last))
        answers = pipeline.execute() if appends else []
        entries = answers[::3]
        if self._bodies is not None:
            entries = self._bodies.filled_in([(partition, each) for each in entries])
        else:
            spans = zip(appends, entries, answers[1::3], strict=True)
            entries = self._cold.completed(
                partition,
                [
                    StreamPart(stream, max(base, int(first or 1)), last, read)
                    for (_, stream, base, last, _), read, first in spans
                ],
            )
        for append, stored_entries, kept, digests in zip(appends, entries, answers[1::3], answers[2::3], strict=True):
            entry_id, stream, base, last, keys = append
            events = recorded(stream, stored_entries, low=max(base, int(kept or 1)), high=last)
            if not events:
                continue
            chunks = zip(_chunks(base, last), digests, strict=True)
            yield CopiedAppend(
                Position(*sequence_and_time(entry_id), END_OF_APPEND),
                stream,
                base,
                events[0].sequence,
                keys,
                {number: chunk for number, chunk in chunks if chunk is not None},
                [event.body for event in events],
            )


def _chunks(base: int, last: int) -> range:
    """Return the numbers of the chunks that have the digests of some sequences."""
    return range((base - 1) // CHUNK, (last - 1) // CHUNK + 1)


def _stream(name: StreamName, fields: Sequence[bytes | None]) -> CopiedStream | None:
    head, first, size, created, updated, changes, limits, labels, gone = fields
    if head is None:
        return None
    numbers = int(head), int(first or 1), int(size or 0), int(created or 0), int(updated or 0)
    return CopiedStream(name, *numbers, _text(changes), _text(limits), _text(labels), gone is not None)


def _text(stored: bytes | None) -> str:
    return "" if stored is None else stored.decode()
