"""What a reader does not get, because it was removed before the reader came to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from eventstore.positions import BEGINNING, WHOLE, Position

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.ports import Log, Tail
    from eventstore.read.selection import Selection

__all__ = ["NO_GAPS", "Crossed", "Gaps", "Range", "joined", "lost_between", "received_apart"]

Range = tuple[str, int, int]
"""Stream, first and last sequence."""

_MOST = 100
_FOREVER = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Gaps:
    """What is missing.

    Attributes:
        ranges: In order, at most 100.
        complete: These are all.
        gone: Streams among those asked for that were deleted for good.
    """

    ranges: Sequence[Range] = ()
    complete: bool = True
    gone: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.ranges or self.gone or not self.complete)

    def with_more(self, other: Gaps) -> Gaps:
        """Both together."""
        ranges = joined([*self.ranges, *other.ranges])
        complete = self.complete and other.complete and len(ranges) <= _MOST
        return Gaps(ranges[:_MOST], complete, sorted({*self.gone, *other.gone}))


NO_GAPS = Gaps()


@dataclass(frozen=True, slots=True)
class Crossed:
    """The part of each partition's log that a page was read from.

    Attributes:
        began: Where it was begun.
        reached: Where it ends.
        ended: The partitions of which nothing is left to read.
        backwards: The newest first: then it ends before where it began.
        read: Stream and sequence of all that was read, wanted or not: what was removed later is not missing.
    """

    began: Mapping[int, Position]
    reached: Mapping[int, Position]
    ended: frozenset[int]
    backwards: bool
    read: Sequence[tuple[str, int]]


def lost_between(
    log: Log,
    crossed: Crossed,
    tails: Mapping[int, Tail],
    since: Mapping[int, int],
    selection: Selection,
) -> tuple[Gaps, Mapping[int, int]]:
    """What a page does not hold of what it passed, and the serials from which the next one goes on.

    Args:
        log: Where it was read.
        crossed: What it passed.
        tails: What was read last.
        since: Per partition the removal serial up to which nothing is missing to the reader.
        selection: What it asks for.
    """
    asked = [p for p, serial in since.items() if tails[p].removals > serial and _may_concern(tails[p], crossed, p)]
    if not asked:
        return NO_GAPS, since
    after, until = _windows(crossed, selection, asked)
    found = log.missing(
        after,
        since={p: since[p] for p in asked},
        until=until,
        streams=selection.streams,
        backwards=crossed.backwards,
    )
    gaps = NO_GAPS
    for partition in asked:
        missing = found[partition]
        ranges = [lost for lost in received_apart(missing.ranges, crossed.read) if selection.filter.may_want(lost[0])]
        gone = [stream for stream in missing.gone if stream in selection.streams]
        gaps = gaps.with_more(Gaps(ranges, missing.complete, gone))
    # Where the log ends all is told by now, and is not to be told again.
    return gaps, {**since, **{p: found[p].serial for p in asked if p in crossed.ended}}


def received_apart(ranges: Iterable[Range], events: Iterable[RecordedEvent | tuple[str, int]]) -> list[Range]:
    """The ranges without events that were read before they were removed: these are not missing.

    Args:
        ranges: What was removed.
        events: What was read: events, or the stream and sequence of each.
    """
    received: dict[str, set[int]] = {}
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


def joined(ranges: Iterable[Range]) -> list[Range]:
    """The ranges in order, those that meet as one."""
    found: list[Range] = []
    for stream, first, last in sorted(ranges):
        if found and found[-1][0] == stream and found[-1][2] >= first - 1:
            found[-1] = stream, found[-1][1], max(found[-1][2], last)
        else:
            found.append((stream, first, last))
    return found


def _may_concern(tail: Tail, crossed: Crossed, partition: int) -> bool:
    return crossed.backwards or tail.removed_until >= crossed.began[partition].time


def _windows(
    crossed: Crossed, selection: Selection, partitions: Sequence[int]
) -> tuple[Mapping[int, Position], Mapping[int, Position]]:
    """Beyond which places, and up to which, something may be missing; to the end of the log where it was reached."""
    if crossed.backwards:
        least = BEGINNING if selection.since is None else _end_of(selection.since - 1)
        after = {p: least if p in crossed.ended else _before(crossed.reached[p]) for p in partitions}
        return after, {p: _before(crossed.began[p]) for p in partitions}
    until = {p: crossed.reached[p] for p in partitions if p not in crossed.ended}
    if selection.until is not None:
        until = {p: until.get(p, _end_of(selection.until - 1)) for p in partitions}
    return {p: crossed.began[p] for p in partitions}, until


def _end_of(time: int) -> Position:
    return Position(max(time, 0), _FOREVER, WHOLE)


def _before(position: Position) -> Position:
    """The place right before one, as far as places are compared."""
    return replace(position, index=position.index - 1)
