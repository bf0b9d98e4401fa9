"""Reading the log of a partition, and one stream of it."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from eventstore.ports import Lag, Slice, Tail
from eventstore.positions import BEGINNING, Position

if TYPE_CHECKING:
    from collections.abc import Collection

    from eventstore.adapters.memory.partitions import Partition
    from eventstore.adapters.memory.streams import Stream
    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.streams import StreamName

__all__ = ["count_after", "position_at", "read_stream", "read_tail", "time_of"]

_MAX_LOOKED_AT = 10_000
"""The maximum number of positions that one read of a partition passes over or returns."""


def read_stream(partition: Partition, stream: Stream, *, start: int, stop: int, count: int, backwards: bool) -> Slice:
    """See `Log.read`."""
    window = range(max(start, stream.first), min(stop, stream.head) + 1)
    sequences = (window[::-1] if backwards else window)[:count]
    events = [stream.events[sequence].recorded for sequence in sequences]
    reached = sequences[-1] if sequences else None
    return Slice(stream.state, partition.epoch, events, reached, sum(len(event.body) for event in events))


def read_tail(
    partition: Partition,
    after: Position,
    *,
    count: int,
    backwards: bool,
    until: Position,
    streams: Collection[StreamName],
) -> Tail:
    """See `Log.tail`."""
    steps = partition.backwards(after) if backwards else partition.forwards(after, until)
    events: list[tuple[Position, RecordedEvent]] = []
    reached, at_end = after, True
    for looked_at, (position, stored) in enumerate(steps):
        if len(events) == count or looked_at == _MAX_LOOKED_AT:
            at_end = False
            break
        reached = position
        if stored and (not streams or stored.entry.stream in streams):
            events.append((position, stored.recorded))
    return Tail(
        partition.epoch,
        events,
        reached,
        time_of(partition, reached),
        at_end,
        partition.removals.serial,
        partition.removals.until,
    )


def count_after(partition: Partition, after: Position, *, most: int) -> Lag:
    """See `Log.lag`."""
    events = [stored for _, stored in partition.forwards(after) if stored]
    return Lag(min(len(events), most), events[0].entry.time if events else None)


def time_of(partition: Partition, position: Position) -> int:
    """See `Log.times`. A position beyond the log has the time of its newest entry."""
    number = min(position.major, len(partition.times))
    return partition.times[number - 1] if number else 0


def position_at(partition: Partition, milliseconds: int) -> Position:
    """See `Log.positions_at`."""
    number = bisect_right(partition.times, milliseconds)
    return Position(number, 0, 0).end_of_append() if number else BEGINNING
