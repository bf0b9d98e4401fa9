"""Reading the logs of partitions: first the references, then the events that they name."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis.bodies import IndexLost
from eventstore.adapters.redis.cold import EventsRemoved, StreamPart
from eventstore.adapters.redis.entries import REACH, recorded
from eventstore.adapters.redis.keys import partition_keys, stream_keys
from eventstore.adapters.redis.references import ReferenceReader
from eventstore.adapters.redis.removals import REMOVALS, removals_of
from eventstore.adapters.redis.screen import Screen
from eventstore.ports import Tail
from eventstore.positions import Epoch, Position

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from eventstore.adapters.redis.blocks import Blocks
    from eventstore.adapters.redis.bodies import Bodies
    from eventstore.adapters.redis.cold import ColdEvents
    from eventstore.adapters.redis.partitions import Partitions
    from eventstore.adapters.redis.read_ahead import ReadAhead
    from eventstore.adapters.redis.references import References, Span, TailQuery
    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.streams import StreamName

__all__ = ["Tails"]

_MAX_ROUNDS = 20
"""How often one read continues after a round in which all references named deleted events."""

_CHUNK_EVENTS = 512
"""The maximum number of undecoded events in memory: at 256 KiB each, 128 MiB."""

_SEQUENCE = attrgetter("sequence")

_BEHIND = (*REMOVALS, "epoch", "cold")
"""What is read of a partition behind its events."""

_MAX_BYTES = 16 * 1024 * 1024
"""A read ends after this many bytes, however many events are left; events are seldom so large."""


class Tails:
    """Reads the logs of a store's partitions."""

    def __init__(
        self,
        partitions: Partitions,
        blocks: Blocks,
        read_ahead: ReadAhead,
        *,
        cold: ColdEvents,
        bodies: Bodies | None = None,
    ) -> None:
        self._client = partitions.client
        self._cold = cold
        self._bodies = bodies
        self._references = ReferenceReader(partitions, read_ahead)
        self._blocks = blocks

    def read(self, after: Mapping[int, Position], query: TailQuery) -> dict[int, Tail]:
        """See `Log.tail`."""
        tails, unfinished = self._read_round(after, query)
        rounds = 1
        while unfinished and rounds < _MAX_ROUNDS:
            # The epoch is that of the first round; the position and the removals are those of the last.
            later, unfinished = self._read_round(unfinished, query)
            tails |= {p: replace(tail, epoch=tails[p].epoch) for p, tail in later.items()}
            rounds += 1
        return tails

    def _read_round(
        self, after: Mapping[int, Position], query: TailQuery
    ) -> tuple[dict[int, Tail], Mapping[int, Position]]:
        """Read once; also return where to continue in partitions whose references all named deleted events."""
        starts = self._blocks.skip(after, query.clauses, backwards=query.backwards) if query.clauses else after
        references = self._references.read(starts, query)
        collected = _Collector(references, Screen(query.clauses), backwards=query.backwards)
        spans = deque((partition, span) for partition, read in references.items() for span in read.spans)
        while True:
            chunk = _next_chunk(spans)
            pipeline = self._client.pipeline(transaction=False)
            streams = dict.fromkeys((partition, span.stream) for partition, span in chunk)
            for partition, stream in streams:
                pipeline.hget(stream_keys(partition, stream).state, "first")
            runs = _merge_spans(chunk)
            for run in runs:
                reach = min(run.high + REACH, run.last)
                pipeline.xrange(stream_keys(run.partition, run.stream).events, run.low, reach)
            # After the events: the serial covers every removal that hid one of them, and `cold` is there if one of them
            # became cold before it was read.
            for partition in references:
                pipeline.hmget(partition_keys(partition).partition, _BEHIND)
            read = pipeline.execute()
            if self._bodies is not None:
                entries = slice(len(streams), len(streams) + len(runs))
                _require_kept(references, read[-len(references) :])
                read[entries] = self._bodies.filled_in(
                    [*zip([run.partition for run in runs], read[entries], strict=True)]
                )
            else:
                try:
                    self._add_cold(references, streams, runs, read)
                except EventsRemoved:
                    return self._read_round(after, query)
            answers = iter(read)
            collected.add(chunk, runs, answers)
            if not spans or collected.size >= _MAX_BYTES:
                break
        tails = {p: collected.tail(p, starts[p], answers) for p in references}
        if query.clauses:
            # Clauses leave out events anyhow: the caller continues, however few are returned.
            return tails, {}
        empty = (p for p, read in references.items() if read.spans and not tails[p].events)
        return tails, {p: tails[p].position for p in empty if not tails[p].at_end}

    def _add_cold(
        self,
        references: Mapping[int, References],
        streams: Collection[tuple[int, StreamName]],
        runs: Sequence[_Run],
        read: list[Any],
    ) -> None:
        """Add cold events to what was read: the first sequence of each stream, the runs, and what is behind these."""
        behind = len(streams) + len(runs)
        cold = {partition for partition, fields in zip(references, read[behind:], strict=True) if fields[-1]}
        if not cold:
            return
        firsts = dict(zip(streams, read, strict=False))
        parts: dict[int, dict[int, StreamPart]] = {partition: {} for partition in cold}
        for index, run in enumerate(runs, start=len(streams)):
            if run.partition in cold:
                low = max(run.low, int(firsts[run.partition, run.stream] or 1))
                parts[run.partition][index] = StreamPart(run.stream, low, run.high, read[index])
        for partition, each in parts.items():
            for index, entries in zip(each, self._cold.completed(partition, [*each.values()]), strict=True):
                read[index] = entries
        pipeline = self._client.pipeline(transaction=False)
        for partition in references:
            pipeline.hmget(partition_keys(partition).partition, _BEHIND)
        read[behind:] = pipeline.execute()


def _require_kept(references: Mapping[int, References], behind: Sequence[Sequence[bytes | None]]) -> None:
    """Raise `IndexLost` unless the index of a journal is what it was when the references were read.

    Args:
        references: What was read first.
        behind: What was read of each partition last, behind its events (`_BEHIND`). An epoch that is not there says
            that the index was lost, for the journal has one.
    """
    for (partition, read), (*_, epoch, _) in zip(references.items(), behind, strict=True):
        if epoch is None or (read.epoch and read.epoch != epoch.decode()):
            raise IndexLost(partition)


def _next_chunk(spans: deque[tuple[int, Span]]) -> list[tuple[int, Span]]:
    """Remove from the left as many spans as are read in one round trip; at least one, if there is any."""
    chunk = []
    count = 0
    while spans and count < _CHUNK_EVENTS:
        chunk.append(spans.popleft())
        span = chunk[-1][1]
        count += span.high - span.low + 1
    return chunk


@dataclass(slots=True)
class _Run:
    """Spans that are adjacent in their stream, whatever lies between them in the log; `last` is that of a `Span`."""

    partition: int
    stream: StreamName
    low: int
    high: int
    last: int


def _merge_spans(chunk: Sequence[tuple[int, Span]]) -> list[_Run]:
    """Merge adjacent spans of a stream, mostly into one run per stream: a command costs more than its answer."""
    runs: list[_Run] = []
    newest: dict[tuple[int, StreamName], _Run] = {}
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


class _Collector:
    """Collects the events of spans, chunk by chunk.

    Attributes:
        size: The bytes of the entries that were read.
    """

    def __init__(self, references: Mapping[int, References], screen: Screen, *, backwards: bool) -> None:
        self.size = 0
        self._references = references
        self._screen = screen
        self._backwards = backwards
        self._events: dict[int, list[tuple[Position, RecordedEvent]]] = {p: [] for p in references}
        self._spans_read = dict.fromkeys(references, 0)

    def add(self, chunk: Sequence[tuple[int, Span]], runs: Sequence[_Run], answers: Iterator[Any]) -> None:
        """Add the events of a chunk.

        Args:
            chunk: The spans.
            runs: The runs that were read for them.
            answers: The first sequence of each stream, then the entries of each run; it is consumed up to there.
        """
        streams = dict.fromkeys((partition, span.stream) for partition, span in chunk)
        firsts = {stream: int(first or 1) for stream, first in zip(streams, islice(answers, len(streams)), strict=True)}
        by_sequence: dict[tuple[int, StreamName], dict[int, RecordedEvent]] = {stream: {} for stream in streams}
        for run in runs:
            entries = next(answers)
            self.size += sum(len(entry[1][1]) for entry in entries)
            low = max(run.low, firsts[run.partition, run.stream])
            events = recorded(run.stream, self._screen.passing(entries), low=low, high=run.high)
            by_sequence[run.partition, run.stream].update(zip(map(_SEQUENCE, events), events, strict=True))
        for partition, span in chunk:
            self._spans_read[partition] += 1
            known = by_sequence[partition, span.stream]
            if not known:
                continue
            found = self._events[partition]
            if span.low == span.high:
                # Most appends are of one event.
                if event := known.get(span.low):
                    found.append((Position(span.time, span.order, span.low - span.base), event))
                continue
            sequences = range(span.low, span.high + 1)
            kept = list(filter(None, map(known.get, reversed(sequences) if self._backwards else sequences)))
            indexes = [event.sequence - span.base for event in kept]
            found += zip(Position.of_append(span.time, span.order, indexes), kept, strict=True)

    def tail(self, partition: int, after: Position, answers: Iterator[Any]) -> Tail:
        """Return the result for a partition.

        Args:
            partition: The partition's number.
            after: The position where reading started.
            answers: The next one has the values of `_BEHIND` of the partition.
        """
        references, events = self._references[partition], self._events[partition]
        *removals, epoch, _ = next(answers)
        position, at_end = references.position, references.at_end
        if (count := self._spans_read[partition]) < len(references.spans):
            position = references.spans[count - 1].edge(backwards=self._backwards) if count else after
            at_end = False
        epoch = references.epoch or Epoch(epoch.decode() if epoch else "")
        return Tail(
            epoch,
            events,
            position,
            position.major,
            at_end,
            *removals_of(*removals),
        )
