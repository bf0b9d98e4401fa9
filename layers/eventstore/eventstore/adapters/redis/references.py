"""Reading the references in the logs of partitions, and selecting the events that a read returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from eventstore.adapters.redis.entries import id_of_entry, sequence_and_time
from eventstore.adapters.redis.keys import partition_keys
from eventstore.adapters.redis.scripts import Script
from eventstore.positions import END_OF_APPEND, Epoch, Position

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from eventstore.adapters.redis.partitions import Partitions
    from eventstore.adapters.redis.read_ahead import ReadAhead
    from eventstore.filters.clauses import Clauses
    from eventstore.streams import StreamName

__all__ = ["ReferenceReader", "References", "Span", "TailQuery"]

_MAX_SCANNED = 20_000
"""The maximum number of references of other streams that one read skips, per partition."""

_SLACK = 1.25
"""How many more entries than expected a read asks for, so that it seldom has to ask again."""

_SCAN_STEP = 2_000
"""How many of them one script call skips: about 2 ms, during which the server does nothing else."""


@dataclass(frozen=True, slots=True)
class TailQuery:
    """The events to read of each partition; see `Log.tail`."""

    count: int
    backwards: bool
    until: Mapping[int, Position]
    streams: Collection[StreamName]
    clauses: Clauses = ()


class Span(NamedTuple):
    """The events to read of one append.

    Attributes:
        stream: The stream of the append.
        low: The first sequence to read.
        high: The last sequence to read.
        base: The first sequence of the append.
        last: The last sequence of the append.
        time: The time of its entry in the log, in milliseconds since 1970.
        order: The order of its entry within that millisecond.
    """

    stream: StreamName
    low: int
    high: int
    base: int
    last: int
    time: int
    order: int

    def edge(self, *, backwards: bool) -> Position:
        """Return the position of the event that is read last."""
        return Position(self.time, self.order, (self.low if backwards else self.high) - self.base)


class References(NamedTuple):
    """The events to read of one partition.

    Attributes:
        epoch: The epoch of the partition; empty if references were kept without it.
        spans: The events, in the order of reading.
        position: Where the next read continues.
        at_end: Whether nothing is left to read.
    """

    epoch: Epoch
    spans: Sequence[Span]
    position: Position
    at_end: bool


class _Entries(NamedTuple):
    """Entries of a log: all that a read needs, if there are as many.

    Attributes:
        entries: As XRANGE returns them.
        reached: The id of the last entry that was looked at.
        ended: Whether no entry is left.
    """

    entries: Sequence[tuple[bytes, Sequence[bytes]]]
    reached: bytes
    ended: bool


class ReferenceReader:
    """Reads references from the logs of a store's partitions."""

    def __init__(self, partitions: Partitions, read_ahead: ReadAhead) -> None:
        self._partitions = partitions
        self._client = partitions.client
        self._scan_script = Script("log/scan")
        self._read_ahead = read_ahead
        # How many events an append had on average, in what was read of a partition last.
        self._events_of_append: dict[int, float] = {}

    def read(self, after: Mapping[int, Position], query: TailQuery) -> dict[int, References]:
        """Return the events to read, per partition.

        Args:
            after: Per partition, the position where reading starts.
            query: The events to read.
        """
        prefetched = self._prefetched(after, query)
        counts = {partition: self._first_count(partition, query) for partition in after}
        pipeline = self._client.pipeline(transaction=False)
        for partition, position in after.items():
            if partition in prefetched:
                continue
            keys = partition_keys(partition)
            pipeline.hget(keys.partition, "epoch")
            if query.streams:
                continue
            # The entry at the position itself is read again: the rest of its append may belong to the window.
            _read_log(pipeline, partition, id_of_entry(position), query, counts[partition])
        answers = iter(pipeline.execute())
        references = {}
        for partition, position in after.items():
            if partition in prefetched:
                epoch, raw = prefetched[partition]
                entries = _Entries(raw, raw[-1][0] if raw else b"", len(raw) <= query.count)
            elif query.streams:
                epoch = self._partitions.epoch(partition, next(answers))
                entries = self._scan(partition, position, query)
            else:
                epoch = self._partitions.epoch(partition, next(answers))
                entries = self._completed(partition, next(answers), query, count=counts[partition])
            references[partition] = _select(epoch, entries, partition, position, query)
            if spans := references[partition].spans:
                self._events_of_append[partition] = sum(span.last - span.base + 1 for span in spans) / len(spans)
        return references

    def _first_count(self, partition: int, query: TailQuery) -> int:
        """Return how many entries to read of a log at first: a batch is one entry, with the keys of all its events."""
        expected = int(query.count / self._events_of_append.get(partition, 1.0) * _SLACK)
        return min(expected, query.count) + 1

    def _completed(self, partition: int, entries: list[Any], query: TailQuery, *, count: int) -> _Entries:
        """Return entries with those that a read needs, too, if appends have fewer events than expected.

        Args:
            partition: The partition.
            entries: The first entries.
            query: The events to read.
            count: How many entries were asked for.
        """
        ended = len(entries) < count
        # Of the first one, all events may be before the window. If there are more than enough, the log goes on.
        if not ended and count <= query.count and sum(map(_events_of, entries[1:])) <= query.count:
            left = query.count + 1 - count
            more = _read_log(self._client, partition, f"({entries[-1][0].decode()}", query, left)
            entries, ended = entries + more, len(more) < left
        return _Entries(entries, entries[-1][0] if entries else b"", ended)

    def _prefetched(self, after: Mapping[int, Position], query: TailQuery) -> dict[int, tuple[Epoch, Sequence[Any]]]:
        """Return the epochs and entries that the turn under way read when it began."""
        if query.streams or query.backwards:
            return {}
        return {
            partition: ahead
            for partition, position in after.items()
            if (ahead := self._read_ahead.find(partition, position, query.until.get(partition), query.count + 1))
        }

    def _scan(self, partition: int, position: Position, query: TailQuery) -> _Entries:
        """Return the entries of the window's streams, as if the log held no others."""
        entries: list[tuple[bytes, Sequence[bytes]]] = []
        start, end = id_of_entry(position), "-" if query.backwards else _last_id(query, partition)
        reached = b""
        for _ in range(0, _MAX_SCANNED, _SCAN_STEP):
            left = query.count + 1 - len(entries)
            arguments = (start, end, int(query.backwards), left, _SCAN_STEP, *query.streams)
            matches, last, ended = self._scan_script(self._client, [partition_keys(partition).log], arguments)
            entries += matches
            reached = last or reached
            if ended or len(matches) == left:
                return _Entries(entries, reached, bool(ended))
            start = f"({reached.decode()}"
        return _Entries(entries, reached, ended=False)


def _read_log(client: Any, partition: int, start: str, query: TailQuery, count: int) -> Any:
    """Read entries of a log, or have a pipeline do so.

    Args:
        client: The client, or a pipeline.
        partition: The partition.
        start: The id of the first entry.
        query: The events to read.
        count: How many entries, at most.
    """
    log = partition_keys(partition).log
    if query.backwards:
        return client.xrevrange(log, start, "-", count=count)
    return client.xrange(log, start, _last_id(query, partition), count=count)


def _events_of(entry: tuple[bytes, Sequence[bytes]]) -> int:
    """Return how many events the append of an entry has."""
    first, _, last = entry[1][1].partition(b"-")
    return int(last) - int(first) + 1 if last else 1


def _last_id(query: TailQuery, partition: int) -> str:
    until = query.until.get(partition)
    return id_of_entry(until) if until else "+"


def _select(epoch: Epoch, entries: _Entries, partition: int, after: Position, query: TailQuery) -> References:
    until = None if query.backwards else query.until.get(partition)
    spans, truncated = _spans(entries.entries, after, until, query)
    position = spans[-1].edge(backwards=query.backwards) if spans else after
    if query.streams and entries.reached and not truncated:
        # After the entries that were skipped, or before them.
        time, order = sequence_and_time(entries.reached)
        if query.backwards:
            position = min(position, Position(time, order, 0))
        else:
            position = max(position, Position(time, order, END_OF_APPEND))
            position = position if until is None else max(min(position, until), after)
    return References(epoch, spans, position, entries.ended and not truncated)


def _spans(
    entries: Sequence[tuple[bytes, Sequence[Any]]], after: Position, until: Position | None, query: TailQuery
) -> tuple[list[Span], bool]:
    """Return the spans of up to `count` events, and whether these entries have more events to read."""
    spans: list[Span] = []
    left = query.count
    backwards = query.backwards
    for entry_id, (stream, reference, *_) in entries:
        time, order = sequence_and_time(entry_id)
        first, _, end = reference.partition(b"-")
        base, last = int(first), int(end or first)
        low, high = base, last
        if (time, order) == (after.major, after.minor):
            low, high = (base, base + after.index - 1) if backwards else (base + after.index + 1, high)
        if until is not None and (time, order) == (until.major, until.minor):
            high = min(high, base + until.index)
        if low > high:
            continue
        if not left:
            return spans, True
        size = min(left, high - low + 1)
        truncated = size < high - low + 1
        low, high = (high - size + 1, high) if backwards else (low, low + size - 1)
        spans.append(Span(stream.decode(), low, high, base, last, time, order))
        left -= size
        if truncated:
            return spans, True
    return spans, False
