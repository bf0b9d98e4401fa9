"""Carrying events to subscriptions: live to those who have caught up, and on to those who have not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from eventstore.cloudevents import recorded_attributes
from eventstore.frames.budget import affordable_to_match, affordable_to_send, leading
from eventstore.frames.builder import FrameLimits, PositionedEvent
from eventstore.live.losses import Losses
from eventstore.live.matching import terms_of, terms_of_event
from eventstore.positions import WHOLE
from eventstore.subscriptions import Subscription

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.cloudevents.event import AttributeValue
    from eventstore.frames.budget import Groups
    from eventstore.frames.builder import DeliveryBuilder
    from eventstore.live.losses import Lost
    from eventstore.ports import Behind, Log, Turn, Turns
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
    placed: PositionedEvent
    attributes: Mapping[str, AttributeValue]


class _Window(NamedTuple):
    """What was read of the log behind a place; the last two as in `Tail`."""

    events: Sequence[_Read]
    reached: Position
    at_end: bool
    removals: int = 0
    removed_until: int = -1


class _Step(NamedTuple):
    """Those who are behind and stand together, and how they are carried on."""

    subscriptions: Sequence[Subscription]
    after: Position
    removals: int
    window: _Window
    lost: Lost


class Carrier:
    """Reads what a turn is about, and puts it into frames for whom it concerns.

    What it knows of subscriptions it keeps: a key means one subscription for ever.
    """

    def __init__(self, log: Log, turns: Turns, limits: TurnLimits) -> None:
        self._log = log
        self._turns = turns
        self._limits = limits
        self._losses = Losses(log)
        self._known: dict[str, Subscription] = {}

    def carry_live(self, turn: Turn, builder: DeliveryBuilder) -> tuple[Turn, dict[str, int]]:
        """Give everyone who has caught up what is new; answers the turn as it goes on, and the last frame of each."""
        window = self._read_live(turn)
        events = window.events
        at: dict[str, list[int]] = {}
        for index, (placed, attributes) in enumerate(events):
            for term in terms_of_event(placed.event.stream, attributes):
                at.setdefault(term, []).append(index)
        found = self._turns.candidates(turn.partition, list(at))
        turn, groups = self._narrowed(turn, events, at, found)
        lost: Lost = {}
        if window.removed_until >= turn.checkpoint.time:
            read = [placed.event for placed, _ in events]
            lost = self._losses.of_live(
                turn, read, lambda: self._subscriptions(turn.partition, self._turns.caught_up(turn.partition))
            )
        keys = {one.key: None for to in (*groups.values(), *lost.values()) for one in to}
        # Groups are served by the target as well; those who are behind ask by themselves. It is asked for once all is
        # read: a worker that was overtaken by then, and may have read something else, sends nothing.
        last = self._turns.frames(turn, list(keys)) if keys or turn.groups else {}
        told = _tell_lost(builder, lost, turn.checkpoint, last)
        return turn, told | _send(builder, events, groups, {**last, **told})

    def _narrowed(
        self,
        turn: Turn,
        events: Sequence[_Read],
        at: Mapping[str, Sequence[int]],
        found: Mapping[str, Sequence[str]],
    ) -> tuple[Turn, Groups]:
        """Who gets what, in a turn that goes no further than it can; nothing is sent before that is settled."""
        if turn.target_pinned:
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
        builder: DeliveryBuilder,
        frames: dict[str, int],
        places: dict[str, Behind],
        caught_up: dict[str, tuple[str, ...]],
    ) -> None:
        """Carry those on that are behind, together where they stand together."""
        behind = {one.key: one for one in turn.behind}
        groups: dict[tuple[Position, int, tuple[str, ...]], list[Subscription]] = {}
        for subscription in self._subscriptions(turn.partition, list(behind)):
            one = behind[subscription.key]
            if turn.has_more and one.position > turn.target:
                # Caught up, it would get what lies before its start.
                places[one.key] = one
                continue
            # Where nothing is left to read, it does not matter of which streams it would be.
            at_end = one.position >= turn.target
            groups.setdefault((one.position, one.removals, () if at_end else subscription.streams), []).append(
                subscription
            )
        limits = self._limits
        count = max(1, min(limits.behind_events, limits.behind_together // turn.carried))
        steps = []
        for (position, removals, streams), subscriptions in groups.items():
            window = self._read(turn, position, count=count, streams=streams)
            events = window.events
            fit = _fitting(events, limits.sent_bytes // turn.carried)
            if fit < len(events):
                window = window._replace(events=events[:fit], reached=events[fit - 1].placed.position, at_end=False)
            lost: Lost = {}
            if window.removals > removals and window.removed_until >= position.time:
                read = [placed.event for placed, _ in window.events]
                lost = self._losses.of_behind(turn, (position, window.reached), read, removals, subscriptions)
            steps.append(_Step(subscriptions, position, removals, window, lost))
        # As in `carry_live`, behind all that was read.
        before = self._turns.frames(turn, list(behind))
        last = {**before}
        for step in steps:
            window = step.window
            last |= _tell_lost(builder, step.lost, step.after, last)
            alike: Groups = {}
            for subscription in step.subscriptions:
                if matched := _matched(subscription, window.events, range(len(window.events))):
                    alike.setdefault((matched, subscription.bare), []).append(subscription)
            last |= _send(builder, window.events, alike, last)
            live = [one for one in step.subscriptions if window.at_end and _has_caught_up(turn, behind[one.key])]
            if live:
                last |= _tell_live(turn, builder, live, last)
                caught_up |= {one.key: terms_of(one) for one in live}
            # What was removed further on is told of when they come there.
            places |= {
                one.key: replace(behind[one.key], position=window.reached)
                for one in step.subscriptions
                if one.key not in caught_up
            }
        frames |= {key: number for key, number in last.items() if number != before[key]}

    def _read_live(self, turn: Turn) -> _Window:
        """All between where the partition stands and the target; `begin` has seen to it that it is not too much."""
        events: list[_Read] = []
        window = _Window((), turn.checkpoint, at_end=False)
        while not window.at_end:
            window = self._read(turn, window.reached, count=self._limits.events)
            events += window.events
        return window._replace(events=events)

    def _read(self, turn: Turn, after: Position, *, count: int, streams: Sequence[str] = ()) -> _Window:
        if after >= turn.target:
            return _Window((), turn.target, at_end=True)
        partition, target = turn.partition, {turn.partition: turn.target}
        tail = self._log.tail({partition: after}, count=count, until=target, streams=streams)[partition]
        events = [_Read(PositionedEvent(at, event), recorded_attributes(event)) for at, event in tail.events]
        reached = turn.target if tail.at_end else tail.position
        return _Window(events, reached, tail.at_end, tail.removals, tail.removed_until)

    def _subscriptions(self, partition: int, keys: Sequence[str]) -> list[Subscription]:
        unknown = [key for key in keys if key not in self._known]
        if unknown:
            if len(self._known) + len(unknown) > _KEPT:
                self._known.clear()
                unknown = list(keys)
            for key, text in self._turns.definitions(partition, unknown).items():
                self._known[key] = Subscription.decoded(key, text)
        return [self._known[key] for key in keys if key in self._known]


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


def _send(builder: DeliveryBuilder, events: Sequence[_Read], groups: Groups, last: Mapping[str, int]) -> dict[str, int]:
    """Number and add frames; those who get the same events share them. Answers the last frame of each."""
    frames: dict[str, int] = {}
    for (indexes, bare), subscriptions in groups.items():
        to = [(one, last[one.key] + 1) for one in subscriptions]
        taken = builder.add_events([events[index].placed for index in indexes], to, bare=bare)
        frames |= {one.key: last[one.key] + taken for one in subscriptions}
    return frames


def _tell_lost(builder: DeliveryBuilder, lost: Lost, after: Position, last: Mapping[str, int]) -> dict[str, int]:
    """Number and add the frames that say what is missing behind a place. Answers the last frame of each."""
    frames: dict[str, int] = {}
    for members, subscriptions in lost.items():
        to = [(one, last[one.key] + 1) for one in subscriptions]
        builder.add_truncated(members, after, to)
        frames |= {one.key: number for one, number in to}
    return frames


def _has_caught_up(turn: Turn, one: Behind) -> bool:
    """Whether all that was stored when the subscription began lies up to the target, where live delivery goes on."""
    return not turn.has_more or one.end <= turn.target


def _tell_live(
    turn: Turn, builder: DeliveryBuilder, subscriptions: Sequence[Subscription], last: Mapping[str, int]
) -> dict[str, int]:
    told = [one for one in subscriptions if not one.bare]
    builder.add_live(turn.target, [(one, last[one.key] + 1) for one in told])
    return {one.key: last[one.key] + 1 for one in told}
