"""Carrying events to subscriptions: live to those who have caught up, and on to those who have not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from eventstore.cloudevents import recorded_attributes
from eventstore.framing import FrameLimits, Placed, missing_members
from eventstore.matching import terms_of, terms_of_event
from eventstore.narrowing import affordable_to_match, affordable_to_send, leading
from eventstore.ports import Behind
from eventstore.positions import WHOLE
from eventstore.subscriptions import Subscription

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.events import AttributeValue
    from eventstore.filters.prefixes import Prefixes
    from eventstore.framing import Outbox
    from eventstore.narrowing import Groups
    from eventstore.ports import Log, Turn, Turns
    from eventstore.positions import Position

__all__ = ["Carrier", "TurnLimits"]


@dataclass(frozen=True, slots=True)
class TurnLimits:
    """How much a turn does, so that it ends well before its function is ended.

    Attributes:
        events: About how many events it carries to those who have caught up.
        behind: How many subscriptions it carries on that have not.
        behind_events: How many events it reads at most for each of these.
        behind_together: How many it reads for all of these: each has an equal share, also of `sent_bytes`, whether or
            not others have ended since the first try, for what one gets must not depend on it.
        pairs: The most pairs of an event and a subscription that may want it, unless one append alone has more: a turn
            carries whole ones.
        sent_bytes: About the most bytes of deliveries to those who have caught up, with the same exception, and as many
            again to those who have not.
        frames: How its frames are cut.
        events_url: Where single events are read.
    """

    events: int = 500
    behind: int = 50
    behind_events: int = 500
    behind_together: int = 10_000
    pairs: int = 1_000_000
    sent_bytes: int = 12 * 1024 * 1024
    frames: FrameLimits = field(default=FrameLimits())
    events_url: str = "/api/v1/events"


class _Read(NamedTuple):
    placed: Placed
    attributes: Mapping[str, AttributeValue]


class Carrier:
    """Reads what a turn is about, and puts it into frames for whom it concerns.

    What it knows of subscriptions it keeps: a key means one subscription for ever.
    """

    def __init__(self, log: Log, turns: Turns, limits: TurnLimits) -> None:
        self._log = log
        self._turns = turns
        self._limits = limits
        self._known: dict[str, Subscription] = {}

    def carry_live(self, turn: Turn, outbox: Outbox) -> tuple[Turn, dict[str, int]]:
        """Give everyone who has caught up what is new; answers the turn as it goes on, and the last frame of each."""
        events = self._read_live(turn)
        at: dict[str, list[int]] = {}
        for index, (placed, attributes) in enumerate(events):
            for term in terms_of_event(placed.event.stream, attributes):
                at.setdefault(term, []).append(index)
        found = self._turns.candidates(turn.partition, list(at))
        turn, groups = self._narrowed(turn, events, at, found)
        keys = [one.key for to in groups.values() for one in to]
        # Groups are served by the goal as well; those who are behind ask by themselves.
        last = self._turns.frames(turn, keys) if keys or turn.groups else {}
        return turn, _send(outbox, events, groups, last)

    def _narrowed(
        self,
        turn: Turn,
        events: Sequence[_Read],
        at: Mapping[str, Sequence[int]],
        found: Mapping[str, Sequence[str]],
    ) -> tuple[Turn, Groups]:
        """Who gets what, in a turn that goes no further than it can; nothing is sent before that is settled."""
        if turn.fixed:
            return turn, self._matched(turn, events, at, found)
        limits = self._limits
        places = [one.placed.position for one in events]
        count = affordable_to_match(places, at, found, most=limits.pairs)
        groups = self._matched(turn, events[:count], at, found)
        most = limits.frames.event_bytes
        sizes = [min(len(one.placed.event.body), most) for one in events[:count]]
        count = affordable_to_send(places[:count], sizes, groups, limits.frames, most=limits.sent_bytes)
        if count == len(events):
            return turn, groups
        return self._turns.narrow(turn, replace(places[count - 1], index=WHOLE)), leading(groups, count)

    def _matched(
        self,
        turn: Turn,
        events: Sequence[_Read],
        at: Mapping[str, Sequence[int]],
        found: Mapping[str, Sequence[str]],
    ) -> Groups:
        wanted: dict[str, list[int]] = {}
        for term, keys in found.items():
            indexes = at[term] if at[term][-1] < len(events) else [index for index in at[term] if index < len(events)]
            if indexes:
                for key in keys:
                    wanted.setdefault(key, []).extend(indexes)
        groups: Groups = {}
        for subscription in self._subscriptions(turn.partition, list(wanted)):
            if matched := _matched(subscription, events, sorted(set(wanted[subscription.key]))):
                groups.setdefault((matched, subscription.bare), []).append(subscription)
        return groups

    def carry_behind(
        self,
        turn: Turn,
        outbox: Outbox,
        frames: dict[str, int],
        places: dict[str, Behind],
        caught_up: dict[str, tuple[str, ...]],
    ) -> None:
        """Carry those on that are behind, together where they stand together."""
        behind = {one.key: one for one in turn.behind}
        groups: dict[tuple[Position, int, tuple[str, ...]], list[Subscription]] = {}
        for subscription in self._subscriptions(turn.partition, list(behind)):
            one = behind[subscription.key]
            if turn.cut and one.position > turn.goal:
                # Caught up, it would get what lies before its start.
                places[one.key] = one
                continue
            # Where nothing is left to read, it does not matter of which streams it would be.
            at_end = one.position >= turn.goal and one.removals == turn.removals
            groups.setdefault((one.position, one.removals, () if at_end else subscription.streams), []).append(
                subscription
            )
        before = self._turns.frames(turn, list(behind))
        last = {**before}
        limits = self._limits
        count = max(1, min(limits.behind_events, limits.behind_together // turn.carried))
        for (position, removals, streams), subscriptions in groups.items():
            events, reached, at_end = self._read(turn, position, count=count, streams=streams)
            fit = _fitting(events, limits.sent_bytes // turn.carried)
            if fit < len(events):
                events, reached, at_end = events[:fit], events[fit - 1].placed.position, False
            if removals < turn.removals:
                to = [(one, last[one.key] + 1) for one in subscriptions]
                last |= self._tell_missing(turn, outbox, to, (position, reached), removals)
            alike: Groups = {}
            for subscription in subscriptions:
                if matched := _matched(subscription, events, range(len(events))):
                    alike.setdefault((matched, subscription.bare), []).append(subscription)
            last |= _send(outbox, events, alike, last)
            if at_end:
                last |= _tell_live(turn, outbox, subscriptions, last)
                caught_up |= {one.key: terms_of(one) for one in subscriptions}
            else:
                # What was removed further on is told of when they come there.
                places |= {one.key: Behind(one.key, reached, removals) for one in subscriptions}
        frames |= {key: number for key, number in last.items() if number != before[key]}

    def _read_live(self, turn: Turn) -> list[_Read]:
        """All between where the partition stands and the goal; `begin` has seen to it that it is not too much."""
        events: list[_Read] = []
        after, at_end = turn.done, False
        while not at_end:
            found, after, at_end = self._read(turn, after, count=self._limits.events)
            events += found
        return events

    def _read(
        self, turn: Turn, after: Position, *, count: int, streams: Sequence[str] = ()
    ) -> tuple[list[_Read], Position, bool]:
        if after >= turn.goal:
            return [], turn.goal, True
        partition, goal = turn.partition, {turn.partition: turn.goal}
        tail = self._log.tail({partition: after}, count=count, until=goal, streams=streams)[partition]
        events = [_Read(Placed(at, event), recorded_attributes(event)) for at, event in tail.events]
        return events, turn.goal if tail.at_end else tail.position, tail.at_end

    def _subscriptions(self, partition: int, keys: Sequence[str]) -> list[Subscription]:
        unknown = [key for key in keys if key not in self._known]
        if unknown:
            if len(self._known) + len(unknown) > _KEPT:
                self._known.clear()
                unknown = list(keys)
            for key, text in self._turns.definitions(partition, unknown).items():
                self._known[key] = Subscription.decoded(key, text)
        return [self._known[key] for key in keys if key in self._known]

    def _tell_missing(
        self,
        turn: Turn,
        outbox: Outbox,
        to: Sequence[tuple[Subscription, int]],
        between: tuple[Position, Position],
        removals: int,
    ) -> dict[str, int]:
        partition, (after, until) = turn.partition, between
        missing = self._log.missing(
            {partition: after},
            since={partition: removals},
            until={partition: until},
            streams=to[0][0].streams,
        )[partition]
        told: dict[Prefixes, list[tuple[Subscription, int]]] = {}
        for one, frame in to:
            told.setdefault(one.filter.prefixes, []).append((one, frame))
        frames: dict[str, int] = {}
        for some in told.values():
            ranges = [found for found in missing.ranges if some[0][0].concerns(found[0])]
            if ranges or not missing.complete:
                outbox.add_truncated(missing_members(ranges, complete=missing.complete), after, some)
                frames |= {one.key: frame for one, frame in some}
        return frames


_KEPT = 200_000
"""Subscriptions that a worker remembers; some 500 bytes each."""


def _matched(subscription: Subscription, events: Sequence[_Read], indexes: Iterable[int]) -> tuple[int, ...]:
    return tuple(
        index for index in indexes if subscription.matches(events[index].placed.event.stream, events[index].attributes)
    )


def _fitting(events: Sequence[_Read], most: int) -> int:
    """How many events in the lead are no larger than that together; one in any case."""
    sizes = accumulate(len(one.placed.event.body) for one in events)
    return max(1, sum(size <= most for size in sizes))


def _send(outbox: Outbox, events: Sequence[_Read], groups: Groups, last: Mapping[str, int]) -> dict[str, int]:
    """Number and add frames; those who get the same events share them. Answers the last frame of each."""
    frames: dict[str, int] = {}
    for (indexes, bare), subscriptions in groups.items():
        to = [(one, last[one.key] + 1) for one in subscriptions]
        taken = outbox.add_events([events[index].placed for index in indexes], to, bare=bare)
        frames |= {one.key: last[one.key] + taken for one in subscriptions}
    return frames


def _tell_live(
    turn: Turn, outbox: Outbox, subscriptions: Sequence[Subscription], last: Mapping[str, int]
) -> dict[str, int]:
    told = [one for one in subscriptions if not one.bare]
    outbox.add_live(turn.goal, [(one, last[one.key] + 1) for one in told])
    return {one.key: last[one.key] + 1 for one in told}
