"""What was removed that subscribers have not received: as it is told, and who is told it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eventstore.frames.builder import missing_json
from eventstore.read.gaps import received_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.filters.prefixes import Prefixes
    from eventstore.ports import Log, Missing, Turn
    from eventstore.positions import Position
    from eventstore.subscriptions import Subscription

__all__ = ["Losses", "Lost"]

Lost = dict[str, list["Subscription"]]
"""Who is told of a loss, by the members of the frame that tells it (`framing.missing_json`)."""


class Losses:
    """Finds what a turn's subscriptions do not receive, because it was removed before the turn read it.

    It is asked once the turn has read: what is removed later was received.
    """

    def __init__(self, log: Log) -> None:
        self._log = log

    def of_live(
        self, turn: Turn, received: Sequence[RecordedEvent], subscriptions: Callable[[], Sequence[Subscription]]
    ) -> Lost:
        """What those who have caught up do not receive of all up to the target.

        None of them was told of anything behind `turn.checkpoint`, so it does not matter when it was removed.
        """
        between = turn.checkpoint, turn.target
        missing = self._missing(turn, between, received)
        if not (missing.ranges or missing.gone) and missing.complete:
            return {}
        everyone = subscriptions()
        if missing.complete:
            return _concerned(missing, everyone)
        # Of some streams all may be known where it is not of all.
        by_streams: dict[tuple[str, ...], list[Subscription]] = {}
        for one in everyone:
            by_streams.setdefault(one.streams, []).append(one)
        lost: Lost = {}
        for streams, some in by_streams.items():
            found = self._missing(turn, between, received, streams=streams) if streams else missing
            for members, to in _concerned(found, some).items():
                lost.setdefault(members, []).extend(to)
        return lost

    def of_behind(
        self,
        turn: Turn,
        between: tuple[Position, Position],
        received: Sequence[RecordedEvent],
        removals: int,
        subscriptions: Sequence[Subscription],
    ) -> Lost:
        """What subscriptions to the same streams do not receive between two places, removed since the serial."""
        streams = subscriptions[0].streams
        return _concerned(self._missing(turn, between, received, since=removals, streams=streams), subscriptions)

    def _missing(
        self,
        turn: Turn,
        between: tuple[Position, Position],
        received: Sequence[RecordedEvent],
        *,
        since: int = 0,
        streams: Sequence[str] = (),
    ) -> Missing:
        partition, (after, until) = turn.partition, between
        missing = self._log.missing(
            {partition: after}, since={partition: since}, until={partition: until}, streams=streams
        )[partition]
        return replace(missing, ranges=received_apart(missing.ranges, received))


def _concerned(missing: Missing, subscriptions: Iterable[Subscription]) -> Lost:
    """Who is told what. That a stream is gone concerns who named it, whether an event of it is missing or not."""
    texts: dict[tuple[tuple[str, ...], Prefixes], str] = {}
    lost: Lost = {}
    for one in subscriptions:
        kind = one.streams, one.filter.prefixes
        members = texts.get(kind)
        if members is None:
            members = texts[kind] = _members(missing, one)
        if members:
            lost.setdefault(members, []).append(one)
    return lost


def _members(missing: Missing, one: Subscription) -> str:
    ranges = [found for found in missing.ranges if one.concerns(found[0])]
    gone = [stream for stream in missing.gone if stream in one.streams]
    if not ranges and not gone and missing.complete:
        return ""
    return missing_json(ranges, complete=missing.complete, gone=gone)
