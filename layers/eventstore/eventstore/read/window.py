"""Windows: parts of a partition's log that a turn reads, and the removed events that belong to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from eventstore.frames.positioned import PositionedEvent
from eventstore.positions import BEGINNING, Position
from eventstore.read.gaps import Gaps, received_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.ports import Log
    from eventstore.streams import StreamName
    from eventstore.subscriptions import Durable, Subscription

__all__ = ["Window", "gaps_for", "gaps_in", "read_window"]


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a partition's log that was read.

    Attributes:
        events: The events of the streams that were asked for, whether a filter matches them or not.
        reached: The position up to which the log was read.
        at_end: Whether that is the end of what was asked for.
        removals: As in `Tail`.
        removed_until: As in `Tail`.
        is_read: Whether the log was read; not where events are in the archive, and that does not answer.
    """

    events: Sequence[PositionedEvent]
    reached: Position
    at_end: bool
    removals: int = 0
    removed_until: Position = BEGINNING
    is_read: bool = True

    def leading(self, count: int) -> Window:
        """Return the window that ends with the first `count` events, at least one."""
        if count >= len(self.events):
            return self
        return replace(self, events=self.events[:count], reached=self.events[count - 1].position, at_end=False)

    def may_miss(self, after: Position, *, since: int = -1) -> bool:
        """Return whether events may be missing that were removed before the window was read.

        Args:
            after: The position from which on they would be missing.
            since: A removal serial; only later removals count.
        """
        return self.removals > since and self.removed_until > after


def read_window(
    log: Log, partition: int, after: Position, until: Position, *, count: int, streams: Sequence[StreamName] = ()
) -> Window:
    """Read a partition's log between two positions.

    Args:
        log: The log.
        partition: The partition's number.
        after: The position after which to read.
        until: The position up to which to read.
        count: The most events to read.
        streams: The streams to read; none for all.
    """
    if after >= until:
        return Window((), until, at_end=True)
    tail = log.tail({partition: after}, count=count, until={partition: until}, streams=streams)[partition]
    events = list(PositionedEvent.of(tail.events))
    reached = until if tail.at_end else tail.position
    return Window(events, reached, tail.at_end, tail.removals, tail.removed_until)


def gaps_in(
    log: Log,
    partition: int,
    after: Position,
    until: Position,
    *,
    window: Window,
    since: int = 0,
    streams: Sequence[StreamName] = (),
) -> Gaps:
    """Return what was removed between two positions before it was read. Call it after reading.

    Args:
        log: The log.
        partition: The partition's number.
        after: The position after which events count.
        until: The position up to which events count.
        window: What was read between the two positions. Its events are not missing.
        since: A removal serial; only later removals count.
        streams: The streams of which removals count; none for all.
    """
    missing = log.missing({partition: after}, since={partition: since}, until={partition: until}, streams=streams)
    removed = missing[partition]
    received = [positioned.event for positioned in window.events]
    return Gaps(received_apart(removed.ranges, received), removed.complete, removed.gone)


def gaps_for(subscription: Subscription | Durable, gaps: Gaps) -> Gaps:
    """Return the gaps that concern a subscription.

    Args:
        subscription: The subscription.
        gaps: A deleted stream concerns a subscription that names it, even if none of its events is missing.
    """
    ranges = [removed for removed in gaps.ranges if subscription.concerns(removed[0])]
    gone = [stream for stream in gaps.gone if stream in subscription.streams]
    return Gaps(ranges, gaps.complete, gone)
