"""Where a subscription starts: behind cursors, or else at the oldest event kept, or else from now on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore.errors import InvalidCursor, StreamGone
from eventstore.ports import Start
from eventstore.positions import Cursor, Position
from eventstore.streams import partition_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from eventstore.ports import Log

__all__ = ["Origin", "origin_of", "require_kept"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where to start.

    Attributes:
        starts: In each of the partitions concerned.
        marks: The positions that were given and still count.
        since: The removal serials that were given with these; without one, whatever was removed counts.
        renewed: The partitions that were made anew since: there it starts at the oldest event.
    """

    starts: Mapping[int, Position | Start]
    marks: Mapping[int, Position]
    renewed: Sequence[int]
    since: Mapping[int, int] = field(default_factory=dict)


def origin_of(log: Log, streams: Collection[str], *, cursors: Sequence[str] = (), oldest: bool = False) -> Origin:
    """Where what concerns these streams, or all of them if none is named, is to start.

    Raises:
        InvalidCursor: The cursors are none, or do not cover all partitions concerned.
    """
    concerned = sorted({partition_of(stream, log.partitions) for stream in streams}) or range(log.partitions)
    if not cursors:
        return Origin(dict.fromkeys(concerned, Start.OLDEST if oldest else Start.NOW), {}, ())
    cursor = Cursor.merged(cursors)
    given = cursor.places
    if left_out := [partition for partition in concerned if partition not in given]:
        raise InvalidCursor(
            f"the cursors do not cover partition {left_out[0]}; send the one of 'subscribed' with the newest of "
            "each partition",
            pointer="/cursor",
        )
    now = log.missing(dict.fromkeys(concerned, _END))
    renewed = [partition for partition in concerned if now[partition].epoch != given[partition][0]]
    marks = {partition: given[partition][1] for partition in concerned if partition not in renewed}
    starts: dict[int, Position | Start] = {p: marks.get(p, Start.OLDEST) for p in concerned}
    return Origin(starts, marks, renewed, {p: cursor.removals[p] for p in marks if p in cursor.removals})


def require_kept(log: Log, streams: Collection[str]) -> None:
    """Return if none of these streams was deleted for good; raises `StreamGone`."""
    if streams and (gone := log.gone(list(streams))):
        raise StreamGone(gone[0])


_END = Position((1 << 63) - 1, 0, 0)
