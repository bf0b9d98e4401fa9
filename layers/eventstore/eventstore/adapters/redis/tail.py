"""Reading partitions' logs in two round trips, whatever their number: references, then the events they name."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from eventstore.adapters.redis.entries import REACH, recorded, sequence_and_time
from eventstore.adapters.redis.keys import partition_keys, stream_keys
from eventstore.adapters.redis.screen import Screen
from eventstore.adapters.redis.scripts import Script
from eventstore.ports import Tail
from eventstore.positions import WHOLE, Position

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from eventstore.adapters.redis.blocks import Blocks
    from eventstore.adapters.redis.partitions import Partitions
    from eventstore.adapters.redis.read_ahead import ReadAhead
    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.filters.clauses import Clauses

__all__ = ["Tails", "Window"]

_SCANNED = 20_000
"""References of other streams that one read skips at most, in each partition."""

_AT_ONCE = 2_000
"""How many of them one step skips: about 2 ms, for the server does nothing else meanwhile."""

_ROUNDS = 20
"""How often one read goes on behind events that were deleted and have yet to be removed."""

_EVENTS_AT_ONCE = 512
"""Events that are in memory undecoded at once: at 256 KiB each, 128 MiB."""

_BYTES = 16 * 1024 * 1024
"""Once that much was read, a read ends, however many events it was to read; they are seldom so large."""

_ANYWHERE = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Window:
    """What is wanted of each partition; see `Log.tail`."""

    count: int
    backwards: bool
    until: Mapping[int, Position]
    streams: Collection[str]
    clauses: Clauses = ()


class _Span(NamedTuple):
    """Events of one append that are wanted: sequences `low` to `high` of those from `base` to `last`."""

    stream: str
    low: int
    high: int
    base: int
    last: int
    time: int
    order: int


class _Entries(NamedTuple):
    """Entries of a log, one more than can be wanted if there are, and the place up to which it was looked through."""

    found: Sequence[tuple[bytes, Sequence[bytes]]]
    reached: bytes
    ended: bool


class _References(NamedTuple):
    epoch: str
    spans: Sequence[_Span]
    position: Position
    at_end: bool


class Tails:
    """Reads the logs of a store's partitions."""

    def __init__(self, partitions: Partitions, blocks: Blocks, read_ahead: ReadAhead) -> None:
        self._partitions = partitions
        self._client = partitions.client
        self._scan = Script("log/scan")
        self._blocks = blocks
        self._read_ahead = read_ahead

    def read(self, after: Mapping[int, Position], window: Window) -> dict[int, Tail]:
        """See `Log.tail`."""
        tails, hidden = self._round(after, window)
        rounds = 1
        while hidden and rounds < _ROUNDS:
            # The epoch is that of the first round, the place and the removals are those of the last.
            further, hidden = self._round(hidden, window)
            tails |= {p: replace(tail, epoch=tails[p].epoch) for p, tail in further.items()}
            rounds += 1
        return tails

    def _round(self, after: Mapping[int, Position], window: Window) -> tuple[dict[int, Tail], Mapping[int, Position]]:
        """Read once; and where to read on of which only references to deleted events were found."""
        starts = self._blocks.skip(after, window.clauses, backwards=window.backwards) if window.clauses else after
        found = self._references(starts, window)
        read = _Read(found, Screen(window.clauses))
        spans = deque((partition, span) for partition, references in found.items() for span in references.spans)
        while True:
            chunk = _chunk(spans)
            pipeline = self._client.pipeline(transaction=False)
            for partition, stream in dict.fromkeys((partition, span.stream) for partition, span in chunk):
                pipeline.hget(stream_keys(partition, stream).state, "first")
            runs = _runs(chunk)
            for run in runs:
                reach = min(run.high + REACH, run.last)
                pipeline.xrange(stream_keys(run.partition, run.stream).events, run.low, reach)
            # Behind the events: what was removed by then is counted.
            for partition in found:
                pipeline.hmget(partition_keys(partition).partition, ("trims", "removed_until"))
            answers = iter(pipeline.execute())
            read.take(chunk, runs, answers, backwards=window.backwards)
            if not spans or read.size >= _BYTES:
                break
        tails = {p: read.tail(p, starts[p], answers, backwards=window.backwards) for p in found}
        if window.clauses:
            # However little was found, the caller goes on.
            return tails, {}
        passed = (p for p, references in found.items() if references.spans and not tails[p].events)
        return tails, {p: tails[p].position for p in passed if not tails[p].at_end}

    def _references(self, after: Mapping[int, Position], window: Window) -> dict[int, _References]:
        known = self._ahead(after, window)
        pipeline = self._client.pipeline(transaction=False)
        for partition, position in after.items():
            if partition in known:
                continue
            keys = partition_keys(partition)
            pipeline.hget(keys.partition, "epoch")
            if window.streams:
                continue
            # The entry at the position itself is read again: the rest of its append may be wanted.
            if window.backwards:
                pipeline.xrevrange(keys.log, _entry(position), "-", count=window.count + 1)
            else:
                pipeline.xrange(keys.log, _entry(position), _end(window, partition), count=window.count + 1)
        answers = iter(pipeline.execute())
        found = {}
        for partition, position in after.items():
            if partition in known:
                epoch, sent = known[partition]
                entries = _entries(sent, window)
            elif window.streams:
                epoch = self._partitions.epoch(partition, next(answers))
                entries = self._scanned(partition, position, window)
            else:
                epoch = self._partitions.epoch(partition, next(answers))
                entries = _entries(next(answers), window)
            found[partition] = _wanted(epoch, entries, partition, position, window)
        return found

    def _ahead(self, after: Mapping[int, Position], window: Window) -> dict[int, tuple[str, Sequence[Any]]]:
        """What need not be read, for the turn that is under way has read it as it began."""
        if window.streams or window.backwards:
            return {}
        return {
            partition: found
            for partition, position in after.items()
            if (found := self._read_ahead.find(partition, position, window.until.get(partition), window.count + 1))
        }

    def _scanned(self, partition: int, position: Position, window: Window) -> _Entries:
        """As XRANGE would answer if the log held nothing but the streams wanted."""
        found: list[tuple[bytes, Sequence[bytes]]] = []
        start, end = _entry(position), "-" if window.backwards else _end(window, partition)
        reached = b""
        for _ in range(0, _SCANNED, _AT_ONCE):
            left = window.count + 1 - len(found)
            arguments = (start, end, int(window.backwards), left, _AT_ONCE, *window.streams)
            entries, last, ended = self._scan(self._client, [partition_keys(partition).log], arguments)
            found += entries
            reached = last or reached
            if ended or len(entries) == left:
                return _Entries(found, reached, bool(ended))
            start = f"({reached.decode()}"
        return _Entries(found, reached, ended=False)


def _entries(sent: Sequence[tuple[bytes, Sequence[bytes]]], window: Window) -> _Entries:
    return _Entries(sent, sent[-1][0] if sent else b"", len(sent) <= window.count)


def _entry(position: Position) -> str:
    return f"{position.time}-{position.order}"


def _end(window: Window, partition: int) -> str:
    until = window.until.get(partition)
    return _entry(until) if until else "+"


def _wanted(epoch: str, entries: _Entries, partition: int, after: Position, window: Window) -> _References:
    until = None if window.backwards else window.until.get(partition)
    spans, cut = _spans(entries.found, after, until, window)
    position = after
    if spans:
        last = spans[-1]
        end = last.low if window.backwards else last.high
        position = Position(last.time, last.order, end - last.base)
    if window.streams and entries.reached and not cut:
        # Behind what was skipped, or before it.
        time, order = sequence_and_time(entries.reached)
        if window.backwards:
            position = min(position, Position(time, order, 0))
        else:
            position = max(position, Position(time, order, WHOLE))
            position = position if until is None else max(min(position, until), after)
    return _References(epoch, spans, position, entries.ended and not cut)


def _spans(
    entries: Sequence[tuple[bytes, Sequence[bytes]]], after: Position, until: Position | None, window: Window
) -> tuple[list[_Span], bool]:
    """The spans of up to `count` events, and whether events of these entries are left over."""
    spans: list[_Span] = []
    left = window.count
    backwards = window.backwards
    for entry_id, (stream, reference, *_) in entries:
        time, order = sequence_and_time(entry_id)
        first, _, end = reference.partition(b"-")
        base, last = int(first), int(end or first)
        low, high = base, last
        if (time, order) == (after.time, after.order):
            low, high = (base, base + after.index - 1) if backwards else (base + after.index + 1, high)
        if until is not None and (time, order) == (until.time, until.order):
            high = min(high, base + until.index)
        if low > high:
            continue
        if not left:
            return spans, True
        taken = min(left, high - low + 1)
        cut = taken < high - low + 1
        low, high = (high - taken + 1, high) if backwards else (low, low + taken - 1)
        spans.append(_Span(stream.decode(), low, high, base, last, time, order))
        left -= taken
        if cut:
            return spans, True
    return spans, False


def _chunk(spans: deque[tuple[int, _Span]]) -> list[tuple[int, _Span]]:
    """Take as many spans from the left as are read at once; one in any case, if there is any."""
    chunk = []
    count = 0
    while spans and count < _EVENTS_AT_ONCE:
        chunk.append(spans.popleft())
        span = chunk[-1][1]
        count += span.high - span.low + 1
    return chunk


@dataclass(slots=True)
class _Run:
    """Spans of a stream that stand together in it, whatever stands between them in the log; `last` as in `_Span`."""

    partition: int
    stream: str
    low: int
    high: int
    last: int


def _runs(chunk: Sequence[tuple[int, _Span]]) -> list[_Run]:
    """One for all that a stream has in a chunk, as a rule: a question to the store costs more than its answer."""
    runs: list[_Run] = []
    newest: dict[tuple[int, str], _Run] = {}
    for partition, span in chunk:
        run = newest.get((partition, span.stream))
        if run and span.low == run.high + 1:
            run.high, run.last = span.high, span.last
        elif run and span.high == run.low - 1 and span.low > 0:
            run.low = span.low
        else:
            run = _Run(partition, span.stream, span.low, span.high, span.last)
            newest[partition, span.stream] = run
            runs.append(run)
    return runs


class _Read:
    """Gathers the events of spans, a chunk at a time.

    Attributes:
        size: Bytes of the entries that were read.
    """

    def __init__(self, references: Mapping[int, _References], screen: Screen) -> None:
        self.size = 0
        self._references = references
        self._screen = screen
        self._events: dict[int, list[tuple[Position, RecordedEvent]]] = {p: [] for p in references}
        self._spans = dict.fromkeys(references, 0)

    def take(
        self, chunk: Sequence[tuple[int, _Span]], runs: Sequence[_Run], answers: Iterator[Any], *, backwards: bool
    ) -> None:
        """Take the events of spans from what the store answered: each stream's first sequence, then each run's entries.

        Args:
            chunk: The spans.
            runs: What was asked for them.
            answers: What the store answered; it is left behind that.
            backwards: The newest first.
        """
        streams = dict.fromkeys((partition, span.stream) for partition, span in chunk)
        firsts = {stream: int(first or 1) for stream, first in zip(streams, islice(answers, len(streams)), strict=True)}
        found: dict[tuple[int, str, int], RecordedEvent] = {}
        for run in runs:
            entries = next(answers)
            self.size += sum(len(entry[1][1]) for entry in entries)
            low = max(run.low, firsts[run.partition, run.stream])
            for event in recorded(run.stream, self._screen.passing(entries), low=low, high=run.high):
                found[run.partition, run.stream, event.sequence] = event
        for partition, span in chunk:
            self._spans[partition] += 1
            if not found:
                continue
            sequences = range(span.low, span.high + 1)
            for sequence in reversed(sequences) if backwards else sequences:
                if one := found.get((partition, span.stream, sequence)):
                    self._events[partition].append((Position(span.time, span.order, sequence - span.base), one))

    def tail(self, partition: int, after: Position, answers: Iterator[Any], *, backwards: bool) -> Tail:
        """What was read of a partition; `answers` goes on with its serial and what belongs to it."""
        references, events = self._references[partition], self._events[partition]
        serial, until = next(answers)
        removals = int(serial or 0)
        # An earlier version counted removals, and did not say up to where.
        removed_until = int(until) if until else _ANYWHERE if removals else -1
        position, at_end = references.position, references.at_end
        if (taken := self._spans[partition]) < len(references.spans):
            position, at_end = after, False
            if taken:
                span = references.spans[taken - 1]
                end = span.low if backwards else span.high
                position = Position(span.time, span.order, end - span.base)
        return Tail(references.epoch, events, position, at_end, removals, removed_until)
