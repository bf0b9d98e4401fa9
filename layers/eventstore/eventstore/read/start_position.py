"""The start of a subscription: after cursors, at the oldest event, or now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore.errors import InvalidCursor, StreamGone
from eventstore.ports import Start
from eventstore.positions import END, Cursor, Position
from eventstore.streams import StreamName, partition_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from eventstore.ports import Log
    from eventstore.positions import Epoch

__all__ = ["Origin", "origin_of", "require_kept"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a subscription starts.

    Attributes:
        starts: The start in each partition concerned.
        marks: The positions of the cursors that are still valid, per partition.
        renewed: The partitions that were reset since the cursors were issued; their start is the oldest event.
        since: The removal serials of the cursors, per partition; without one, all removals count.
        epochs: The epochs that partitions had when their starts were chosen; none without cursors.
    """

    starts: Mapping[int, Position | Start]
    marks: Mapping[int, Position]
    renewed: Sequence[int]
    since: Mapping[int, int] = field(default_factory=dict)
    epochs: Mapping[int, Epoch] = field(default_factory=dict)


def origin_of(
    log: Log, streams: Collection[StreamName], *, cursors: Sequence[str] = (), oldest: bool = False
) -> Origin:
    """Return where a subscription starts.

    Args:
        log: The log.
        streams: The streams of the subscription; all streams, if empty.
        cursors: The cursors after which it starts.
        oldest: Without cursors, start at the oldest event instead of now.

    Raises:
        InvalidCursor: A cursor is invalid, or they do not cover all partitions of the streams.
    """
    concerned = sorted({partition_of(stream, log.partitions) for stream in streams}) or range(log.partitions)
    if not cursors:
        return Origin(dict.fromkeys(concerned, Start.OLDEST if oldest else Start.NOW), {}, ())
    cursor = Cursor.merged(cursors)
    given = cursor.places
    if uncovered := [partition for partition in concerned if partition not in given]:
        raise InvalidCursor(
            f"the cursors do not cover partition {uncovered[0]}; send the one of 'subscribed' with the newest of "
            "each partition",
            pointer="/cursor",
        )
    # At the end of the log nothing is missing: the call only returns the current epochs.
    current = log.missing(dict.fromkeys(concerned, END))
    renewed = [partition for partition in concerned if current[partition].epoch != given[partition][0]]
    marks = {partition: given[partition][1] for partition in concerned if partition not in renewed}
    starts: dict[int, Position | Start] = {p: marks.get(p, Start.OLDEST) for p in concerned}
    since = {p: cursor.removals[p] for p in marks if p in cursor.removals}
    return Origin(starts, marks, renewed, since, {p: current[p].epoch for p in concerned})


def require_kept(log: Log, streams: Collection[StreamName]) -> None:
    """Raise `StreamGone` if one of these streams was deleted for good.

    Args:
        log: The log.
        streams: The names of the streams.
    """
    if streams and (gone := log.gone(list(streams))):
        raise StreamGone(gone[0])
