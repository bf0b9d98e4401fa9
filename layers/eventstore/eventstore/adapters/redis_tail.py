"""Reading partitions' logs in two round trips, whatever their number: references, then the events they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from eventstore.adapters.redis_keys import partition_keys, stream_keys
from eventstore.adapters.redis_streams import BODY, sequence_and_time
from eventstore.events import RecordedEvent
from eventstore.ports import Tail
from eventstore.positions import Position

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from eventstore.adapters.redis_partitions import Partitions

__all__ = ["read_tails"]


class _Span(NamedTuple):
    """Events of one append that are wanted: sequences `low` to `high`; the one at `base` has index 0."""

    stream: str
    low: int
    high: int
    base: int
    time: int
    order: int


class _References(NamedTuple):
    epoch: str
    spans: Sequence[_Span]
    at_end: bool


def read_tails(
    partitions: Partitions, after: Mapping[int, Position], *, count: int, backwards: bool
) -> dict[int, Tail]:
    """See `Log.tail`."""
    found = _references(partitions, after, count=count, backwards=backwards)
    client = partitions.client
    pipeline = client.pipeline(transaction=False)
    for partition, references in found.items():
        for stream in dict.fromkeys(span.stream for span in references.spans):
            pipeline.hget(stream_keys(partition, stream).state, "first")
        for span in references.spans:
            pipeline.xrange(stream_keys(partition, span.stream).events, span.low, span.high)
    answers = iter(pipeline.execute())
    return {p: _tail(references, answers, after[p], backwards=backwards) for p, references in found.items()}


def _references(
    partitions: Partitions, after: Mapping[int, Position], *, count: int, backwards: bool
) -> dict[int, _References]:
    pipeline = partitions.client.pipeline(transaction=False)
    for partition, position in after.items():
        keys = partition_keys(partition)
        at = f"{position.time}-{position.order}"
        pipeline.hget(keys.partition, "epoch")
        # The entry at the position itself is read again: the rest of its append may be wanted.
        if backwards:
            pipeline.xrevrange(keys.log, at, "-", count=count + 1)
        else:
            pipeline.xrange(keys.log, at, "+", count=count + 1)
    answers = pipeline.execute()
    found = {}
    for number, (partition, position) in enumerate(after.items()):
        epoch, entries = answers[2 * number : 2 * number + 2]
        spans, cut = _spans(entries, position, count, backwards=backwards)
        at_end = not cut and len(entries) <= count
        found[partition] = _References(partitions.epoch(partition, epoch), spans, at_end)
    return found


def _spans(
    entries: Sequence[tuple[bytes, Sequence[bytes]]], position: Position, count: int, *, backwards: bool
) -> tuple[list[_Span], bool]:
    """The spans of up to `count` events, and whether events of these entries are left over."""
    spans: list[_Span] = []
    left = count
    for entry_id, (stream, reference, *_) in entries:
        time, order = sequence_and_time(entry_id)
        first, _, last = reference.partition(b"-")
        base, high = int(first), int(last or first)
        low = base
        if (time, order) == (position.time, position.order):
            low, high = (base, base + position.index - 1) if backwards else (base + position.index + 1, high)
        if low > high:
            continue
        if not left:
            return spans, True
        taken = min(left, high - low + 1)
        cut = taken < high - low + 1
        low, high = (high - taken + 1, high) if backwards else (low, low + taken - 1)
        spans.append(_Span(stream.decode(), low, high, base, time, order))
        left -= taken
        if cut:
            return spans, True
    return spans, False


def _tail(references: _References, answers: Iterator[object], after: Position, *, backwards: bool) -> Tail:
    firsts = {
        stream: int(next(answers) or 1)  # type: ignore[call-overload]
        for stream in dict.fromkeys(span.stream for span in references.spans)
    }
    events: list[tuple[Position, RecordedEvent]] = []
    position = after
    for span in references.spans:
        entries = list(next(answers))  # type: ignore[call-overload]
        for entry_id, fields in reversed(entries) if backwards else entries:
            sequence, time = sequence_and_time(entry_id)
            if sequence >= firsts[span.stream]:
                at = Position(span.time, span.order, sequence - span.base)
                events.append((at, RecordedEvent(span.stream, sequence, time, fields[BODY])))
        end = span.low if backwards else span.high
        position = Position(span.time, span.order, end - span.base)
    return Tail(references.epoch, events, position, references.at_end)
