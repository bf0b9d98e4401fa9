"""What a partition remembers of the events that were removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from eventstore.adapters.redis.entries import sequence_and_time
from eventstore.adapters.redis.keys import partition_keys
from eventstore.ports import Missing
from eventstore.positions import WHOLE, Position

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from eventstore.adapters.redis.partitions import Partitions

__all__ = ["Gap", "read_missing"]

_RANGES = 100
"""The most that are told of one partition."""

_BLOCK, _GONE = b"~", b"gone"
"""What stands for an index where it is not one append, as trim.lua says."""


class Gap(NamedTuple):
    """Where removals are asked for: beyond `after`, up to `until`, and later than the serial `since`.

    A reader may come to it from either end.
    """

    after: Position
    until: Position | None
    since: int
    streams: Collection[str]
    backwards: bool

    def holds(self, entry: bytes, index: int) -> bool:
        """Whether an event of an entry of the log lies in it."""
        place = Position(*sequence_and_time(entry), index)
        return place > self.after and (self.until is None or place <= self.until)


def read_missing(partitions: Partitions, gaps: Mapping[int, Gap]) -> dict[int, Missing]:
    """See `Log.missing`."""
    pipeline = partitions.client.pipeline(transaction=False)
    for partition, gap in gaps.items():
        keys = partition_keys(partition)
        # A removal in between is beyond the serial, and is left for the next time; what is forgotten is asked for last.
        pipeline.hmget(keys.partition, ("epoch", "trims"))
        # A block that begins in the gap may end behind it.
        until = None if gap.backwards else gap.until
        pipeline.zrangebyscore(keys.trimmed, gap.after.time, until.time if until else "+inf")
        pipeline.hmget(keys.partition, ("forgotten", "forgotten_serial"))
    answers = iter(pipeline.execute())
    return {
        partition: _missing(partitions.epoch(partition, epoch), int(trims or 0), members, forgotten, gap)
        for (partition, gap), (epoch, trims), members, forgotten in zip(
            gaps.items(), answers, answers, answers, strict=True
        )
    }


def _missing(epoch: str, serial: int, members: Iterable[bytes], forgotten: Sequence[bytes | None], gap: Gap) -> Missing:
    found, gone = [], []
    for member in members:
        number, entry, name, sequences, index = member.split(b"|")
        stream = name.decode()
        if not gap.since < int(number) <= serial or (gap.streams and stream not in gap.streams):
            continue
        if index == _GONE:
            if gap.holds(entry, 0):
                gone.append(stream)
            continue
        first, last = sequence_and_time(sequences)
        if index.startswith(_BLOCK):
            _, end, beginning = index.split(_BLOCK)
            if gap.holds(beginning, 0) if gap.backwards else gap.holds(entry, int(end)):
                found.append((stream, first, last))
        elif overlap := _overlap(gap, entry, first, last, int(index)):
            found.append((stream, *overlap))
    ranges = _joined(found)
    complete = len(ranges) <= _RANGES and _reaches(forgotten, gap)
    return Missing(epoch, serial, ranges[:_RANGES], complete, sorted(gone))


def _overlap(gap: Gap, entry: bytes, first: int, last: int, index: int) -> tuple[int, int] | None:
    """The sequences of one append that lie in the gap; the first of them is the append's event `index`."""
    base = first - index
    time, order = sequence_and_time(entry)
    if (time, order) == (gap.after.time, gap.after.order):
        first = max(first, base + gap.after.index + 1)
    if gap.until and (time, order) == (gap.until.time, gap.until.order):
        last = min(last, base + gap.until.index)
    beyond = Position(time, order, last - base) > gap.after
    within = gap.until is None or Position(time, order, first - base) <= gap.until
    return (first, last) if beyond and within and first <= last else None


def _reaches(forgotten: Sequence[bytes | None], gap: Gap) -> bool:
    """Whether nothing that was asked for is forgotten."""
    entry, serial = forgotten
    if entry is None or serial is None or int(serial) <= gap.since:
        return True
    # Some events of the entry at the position itself may be beyond it.
    time, order = sequence_and_time(entry)
    return gap.after >= Position(time, order, WHOLE)


def _joined(ranges: Iterable[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    joined: list[tuple[str, int, int]] = []
    for stream, first, last in sorted(ranges):
        if joined and joined[-1][0] == stream and joined[-1][2] >= first - 1:
            joined[-1] = (stream, joined[-1][1], max(joined[-1][2], last))
        else:
            joined.append((stream, first, last))
    return joined
