"""The removals of events that a partition remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from eventstore.adapters.redis.entries import sequence_and_time
from eventstore.adapters.redis.keys import partition_keys
from eventstore.ports import Missing
from eventstore.positions import END_OF_APPEND, Epoch, Position
from eventstore.streams import StreamName

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from eventstore.adapters.redis.partitions import Partitions

__all__ = ["Gap", "read_missing"]

_MAX_RANGES = 100
"""The maximum number of ranges in a result."""

_BLOCK, _GONE = b"~", b"gone"
"""What a member has in place of an index: the start of that of a block, and that of a stream's end (trim.lua)."""


class Gap(NamedTuple):
    """A part of a partition's log, and the removals from it that a reader asks for; see `Log.missing`.

    Attributes:
        after: The position after which it starts.
        until: The position up to which it extends; None is the end of the log.
        since: Only removals with a greater serial.
        streams: Only events of these streams; of all streams, if empty.
        backwards: Whether the reader reads backwards.
    """

    after: Position
    until: Position | None
    since: int
    streams: Collection[StreamName]
    backwards: bool

    def holds(self, entry: bytes, index: int) -> bool:
        """Whether an event lies in the part.

        Args:
            entry: The id of the entry of its append in the log.
            index: Its index in the append.
        """
        position = Position(*sequence_and_time(entry), index)
        return position > self.after and (self.until is None or position <= self.until)


def read_missing(partitions: Partitions, gaps: Mapping[int, Gap]) -> dict[int, Missing]:
    """See `Log.missing`.

    Args:
        partitions: The partitions of the store.
        gaps: The part of the log, per partition.
    """
    pipeline = partitions.client.pipeline(transaction=False)
    for partition, gap in gaps.items():
        keys = partition_keys(partition)
        # In this order: removals after the first command have greater serials and are ignored, and what the partition
        # has forgotten by the last command is noticed.
        pipeline.hmget(keys.partition, ("epoch", "trims"))
        # A block that begins in the part may end after it.
        until = None if gap.backwards else gap.until
        pipeline.zrangebyscore(keys.trimmed, gap.after.major, until.major if until else "+inf")
        pipeline.hmget(keys.partition, ("forgotten", "forgotten_serial"))
    answers = iter(pipeline.execute())
    return {
        partition: _missing(partitions.epoch(partition, epoch), int(trims or 0), members, forgotten, gap)
        for (partition, gap), (epoch, trims), members, forgotten in zip(
            gaps.items(), answers, answers, answers, strict=True
        )
    }


def _missing(
    epoch: Epoch, serial: int, members: Iterable[bytes], forgotten: Sequence[bytes | None], gap: Gap
) -> Missing:
    ranges, gone = [], []
    for member in members:
        number, entry, name, sequences, index = member.split(b"|")
        stream = StreamName(name.decode())
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
                ranges.append((stream, first, last))
        elif overlap := _overlap(gap, entry, first, last, int(index)):
            ranges.append((stream, *overlap))
    merged = _merge(ranges)
    complete = len(merged) <= _MAX_RANGES and _remembers_all(forgotten, gap)
    return Missing(epoch, serial, merged[:_MAX_RANGES], complete, sorted(gone))


def _overlap(gap: Gap, entry: bytes, first: int, last: int, index: int) -> tuple[int, int] | None:
    """Return the sequences of an append, of `first` to `last`, that lie in the part; `index` is that of `first`."""
    base = first - index
    time, order = sequence_and_time(entry)
    if (time, order) == (gap.after.major, gap.after.minor):
        first = max(first, base + gap.after.index + 1)
    if gap.until and (time, order) == (gap.until.major, gap.until.minor):
        last = min(last, base + gap.until.index)
    beyond = Position(time, order, last - base) > gap.after
    within = gap.until is None or Position(time, order, first - base) <= gap.until
    return (first, last) if beyond and within and first <= last else None


def _remembers_all(forgotten: Sequence[bytes | None], gap: Gap) -> bool:
    """Whether the partition has forgotten no removal that could lie in the part."""
    entry, serial = forgotten
    if entry is None or serial is None or int(serial) <= gap.since:
        return True
    # Events of the entry at the position may be after the position.
    time, order = sequence_and_time(entry)
    return gap.after >= Position(time, order, END_OF_APPEND)


def _merge(ranges: Iterable[tuple[StreamName, int, int]]) -> list[tuple[StreamName, int, int]]:
    merged: list[tuple[StreamName, int, int]] = []
    for stream, first, last in sorted(ranges):
        if merged and merged[-1][0] == stream and merged[-1][2] >= first - 1:
            merged[-1] = (stream, merged[-1][1], max(merged[-1][2], last))
        else:
            merged.append((stream, first, last))
    return merged
