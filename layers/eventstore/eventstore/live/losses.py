"""Removed events that ephemeral subscriptions did not receive, and the frames that report them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.frames.hub_messages import missing_json
from eventstore.read.window import gaps_for, gaps_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from eventstore.filters.prefixes import Prefixes
    from eventstore.ports import Log, Turn
    from eventstore.positions import Position
    from eventstore.read.gaps import Gaps
    from eventstore.read.window import Window
    from eventstore.streams import StreamName
    from eventstore.subscriptions import Subscription

__all__ = ["Losses", "Lost"]

Lost = dict[str, list["Subscription"]]
"""The subscriptions that are notified of a loss, by the members of the frame that reports it (`missing_json`)."""


class Losses:
    """Finds the events that the subscriptions of a turn do not receive, because they were removed before it read them.

    Call it once the turn has read the log: events that are removed later were received.

    Args:
        log: The log that the turn reads.
    """

    def __init__(self, log: Log) -> None:
        self._log = log

    def of_live(self, turn: Turn, window: Window, subscriptions: Callable[[], Sequence[Subscription]]) -> Lost:
        """Return what subscriptions that have caught up do not receive up to the goal.

        None of them was notified of anything after `turn.checkpoint`, so it does not matter when events were removed.

        Args:
            turn: The turn.
            window: The part of the log that the turn has read, up to its goal.
            subscriptions: Returns all subscriptions that have caught up. It is called only if events are missing.
        """
        gaps = self._gaps(turn, turn.checkpoint, turn.goal, window)
        if not gaps:
            return {}
        if gaps.complete:
            return _lost(gaps, subscriptions())
        # Where the removals of all streams are not remembered completely, those of some streams may be.
        by_streams: dict[tuple[StreamName, ...], list[Subscription]] = {}
        for subscription in subscriptions():
            by_streams.setdefault(subscription.streams, []).append(subscription)
        lost: Lost = {}
        for streams, alike in by_streams.items():
            gaps_of_streams = self._gaps(turn, turn.checkpoint, turn.goal, window, streams=streams) if streams else gaps
            for members, notified in _lost(gaps_of_streams, alike).items():
                lost.setdefault(members, []).extend(notified)
        return lost

    def of_behind(
        self, turn: Turn, after: Position, window: Window, subscriptions: Sequence[Subscription], *, since: int
    ) -> Lost:
        """Return what subscriptions that have yet to catch up do not receive of a window.

        Args:
            turn: The turn.
            after: The position from which the window was read.
            window: The part of the log that was read for the subscriptions.
            subscriptions: Subscriptions to the same streams.
            since: A removal serial; only later removals count.
        """
        if not window.may_miss(after, since=since):
            return {}
        streams = subscriptions[0].streams
        return _lost(self._gaps(turn, after, window.reached, window, since=since, streams=streams), subscriptions)

    def _gaps(
        self,
        turn: Turn,
        after: Position,
        until: Position,
        window: Window,
        *,
        since: int = 0,
        streams: Sequence[StreamName] = (),
    ) -> Gaps:
        return gaps_in(self._log, turn.partition, after, until, window=window, since=since, streams=streams)


def _lost(gaps: Gaps, subscriptions: Iterable[Subscription]) -> Lost:
    # Subscriptions with the same streams and prefixes have the same gaps: each kind is computed once.
    members_by_kind: dict[tuple[tuple[StreamName, ...], Prefixes], str] = {}
    lost: Lost = {}
    for subscription in subscriptions:
        kind = subscription.streams, subscription.filter.prefixes
        members = members_by_kind.get(kind)
        if members is None:
            members = members_by_kind[kind] = _members(gaps_for(subscription, gaps))
        if members:
            lost.setdefault(members, []).append(subscription)
    return lost


def _members(gaps: Gaps) -> str:
    return missing_json(gaps.ranges, complete=gaps.complete, gone=gaps.gone) if gaps else ""
