"""The events that were removed before a reader reached them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.positions import just_below
from eventstore.streams import StreamName

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.ports import Log, Tail
    from eventstore.positions import Position, StreamCursor
    from eventstore.read.selection import Selection

__all__ = ["NO_GAPS", "Crossed", "Gaps", "Range", "StreamLosses", "lost_between", "merge_ranges", "received_apart"]

Range = tuple[StreamName, int, int]
"""Stream, first and last sequence."""

_MAX_RANGES = 100


@dataclass(frozen=True, slots=True)
class Gaps:
    """The events that a reader misses.

    Attributes:
        ranges: The missing events, in order; at most 100 ranges.
        complete: Whether the ranges are all there are.
        gone: The streams that the reader named and that were deleted for good.
    """

    ranges: Sequence[Range] = ()
    complete: bool = True
    gone: Sequence[StreamName] = ()

    def __bool__(self) -> bool:
        return bool(self.ranges or self.gone or not self.complete)

    def with_more(self, other: Gaps) -> Gaps:
        """Return the union of both."""
        ranges = merge_ranges([*self.ranges, *other.ranges])
        complete = self.complete and other.complete and len(ranges) <= _MAX_RANGES
        return Gaps(ranges[:_MAX_RANGES], complete, sorted({*self.gone, *other.gone}))


NO_GAPS = Gaps()


@dataclass(frozen=True, slots=True)
class Crossed:
    """The part of each partition's log that a page covers.

    Attributes:
        began: The position where it starts, per partition.
        reached: The position where it ends, per partition.
        ended: The partitions that have nothing left to read.
        backwards: Whether it was read backwards; then the end lies before the start.
        read: The stream and sequence of every event that was read, whether it matched or not: these are not missing,
            even if they were removed later.
    """

    began: Mapping[int, Position]
    reached: Mapping[int, Position]
    ended: frozenset[int]
    backwards: bool
    read: Sequence[tuple[StreamName, int]]


class StreamLosses:
    """Records the events of a stream that are removed before a reader reaches them.

    Args:
        stream: The name of the stream.
        first: The sequence of the oldest event that the stream keeps.
        cursor: Where the reader continues; a reader without a cursor loses only events that are removed during its
            read.
        backwards: Whether it reads backwards.
    """

    def __init__(self, stream: StreamName, first: int, *, cursor: StreamCursor | None, backwards: bool) -> None:
        self._stream = stream
        self._first = first
        self._may_have_more = False
        self._ranges: list[Range] = []
        if cursor is None:
            return
        # For a forward read, all events from the cursor on were kept, or not stored yet.
        self._first = cursor.first if backwards else cursor.sequence
        if backwards and not cursor.first:
            # The cursor of an earlier release tells only that the event at its sequence was kept.
            self._first = min(first, cursor.sequence)
            self._may_have_more = self._first < first

    @property
    def gaps(self) -> Gaps:
        """The events that are lost so far."""
        return Gaps(merge_ranges(self._ranges), complete=not self._may_have_more)

    def compare(self, first: int, start: int, stop: int) -> None:
        """Add the events that were removed since the last call.

        Args:
            first: The sequence of the oldest event that the stream keeps.
            start: The first sequence that is left to read.
            stop: The last sequence that is left to read.
        """
        lost = max(self._first, start), min(first - 1, stop)
        if lost[0] <= lost[1]:
            self._ranges.append((self._stream, *lost))
        self._first = max(first, self._first)


def lost_between(
    log: Log,
    crossed: Crossed,
    tails: Mapping[int, Tail],
    since: Mapping[int, int],
    selection: Selection,
) -> tuple[Gaps, Mapping[int, int]]:
    """Return the events that a page misses, and the removal serials for the next page.

    Args:
        log: The log that was read.
        crossed: The part of the log that the page covers.
        tails: The last read of each partition.
        since: Per partition, the removal serial up to which the reader misses nothing.
        selection: The events that the reader selects.
    """
    partitions = [p for p, serial in since.items() if tails[p].removals > serial and _may_concern(tails[p], crossed, p)]
    if not partitions:
        return NO_GAPS, since
    after, until = _windows(log, crossed, selection, partitions)
    missing_by_partition = log.missing(
        after,
        since={p: since[p] for p in partitions},
        until=until,
        streams=selection.streams,
        backwards=crossed.backwards,
    )
    gaps = NO_GAPS
    for partition in partitions:
        missing = missing_by_partition[partition]
        ranges = [lost for lost in received_apart(missing.ranges, crossed.read) if selection.concerns(lost[0])]
        gone = [stream for stream in missing.gone if stream in selection.streams]
        gaps = gaps.with_more(Gaps(ranges, missing.complete, gone))
    # At the end of the log, all removals so far are reported, and must not be reported again.
    return gaps, {**since, **{p: missing_by_partition[p].serial for p in partitions if p in crossed.ended}}


def received_apart(ranges: Iterable[Range], events: Iterable[RecordedEvent | tuple[StreamName, int]]) -> list[Range]:
    """Return the removed ranges without the events that were read before their removal.

    Args:
        ranges: The removed events.
        events: The events that were read, or the stream and sequence of each.
    """
    received: dict[StreamName, set[int]] = {}
    for stream, sequence, *_ in events:
        received.setdefault(stream, set()).add(sequence)
    left: list[Range] = []
    for stream, first, last in ranges:
        start = first
        for sequence in sorted(received.get(stream, ())):
            if start <= sequence <= last:
                if start < sequence:
                    left.append((stream, start, sequence - 1))
                start = sequence + 1
        if start <= last:
            left.append((stream, start, last))
    return left


def merge_ranges(ranges: Iterable[Range]) -> list[Range]:
    """Return the ranges in order, with overlapping and adjacent ones merged."""
    merged: list[Range] = []
    for stream, first, last in sorted(ranges):
        if merged and merged[-1][0] == stream and merged[-1][2] >= first - 1:
            merged[-1] = stream, merged[-1][1], max(merged[-1][2], last)
        else:
            merged.append((stream, first, last))
    return merged


def _may_concern(tail: Tail, crossed: Crossed, partition: int) -> bool:
    return crossed.backwards or tail.removed_until > crossed.began[partition]


def _windows(
    log: Log, crossed: Crossed, selection: Selection, partitions: Sequence[int]
) -> tuple[Mapping[int, Position], Mapping[int, Position]]:
    """Return the positions after and up to which events may be missing; no upper position at the end of the log."""
    if crossed.backwards:
        lowest = log.positions_at(-1 if selection.since is None else selection.since - 1, partitions)
        after = {p: lowest[p] if p in crossed.ended else just_below(crossed.reached[p]) for p in partitions}
        return after, {p: just_below(crossed.began[p]) for p in partitions}
    until = {p: crossed.reached[p] for p in partitions if p not in crossed.ended}
    if selection.until is not None:
        until = {**log.positions_at(selection.until - 1, partitions), **until}
    return {p: crossed.began[p] for p in partitions}, until
