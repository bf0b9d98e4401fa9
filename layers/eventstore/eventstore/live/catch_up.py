"""Carrying events to ephemeral subscriptions: live to those that have caught up, and from the log to the others."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from eventstore.errors import ArchiveUnavailable
from eventstore.frames.budget import affordable_to_match, affordable_to_send, fitting, leading
from eventstore.frames.limits import FrameLimits
from eventstore.live.batch import Batch
from eventstore.live.index_terms import terms_of, terms_of_event
from eventstore.live.losses import Losses
from eventstore.live.numbering import add_events, add_live, add_losses
from eventstore.read.window import Window, read_window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.frames.budget import RecipientsByEvents
    from eventstore.frames.builder import DeliveryBuilder
    from eventstore.frames.positioned import PositionedEvent
    from eventstore.live.losses import Lost
    from eventstore.ports import Behind, Log, Turn, Turns
    from eventstore.positions import Position
    from eventstore.streams import StreamName
    from eventstore.subscriptions import Subscription, SubscriptionKey

__all__ = ["CatchUp", "EphemeralSender", "TurnLimits"]

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TurnLimits:
    """The limits of a turn, so that it ends well before the timeout of its function.

    Attributes:
        events: About how many events a turn sends to subscriptions that have caught up.
        behind: How many subscriptions that have yet to catch up a turn carries on.
        behind_events: The most events that it reads for each of these.
        behind_together: The most events that it reads for all of these. Each has an equal share, also of `sent_bytes`,
            whether or not others have ended since the first try: what one receives must not depend on the others.
        pairs: The most pairs of an event and a candidate subscription. A turn carries whole appends, so one append
            alone may exceed it.
        sent_bytes: About the most bytes of deliveries to subscriptions that have caught up, with the same exception,
            and again as many to those that have yet to.
        frames: The limits of frames and deliveries.
        events_url: The URL under which single events are read.
    """

    events: int = 500
    behind: int = 50
    behind_events: int = 500
    behind_together: int = 10_000
    pairs: int = 1_000_000
    sent_bytes: int = 12 * 1024 * 1024
    frames: FrameLimits = field(default=FrameLimits())
    events_url: str = "/api/v1/events"


@dataclass(frozen=True, slots=True)
class CatchUp:
    """What a turn did for subscriptions that had yet to catch up, by their keys.

    Attributes:
        frames: The number of the last frame of each subscription that was sent any.
        places: The positions of those that have yet to catch up.
        caught_up: The terms of those that have caught up (`index_terms.terms_of`).
    """

    frames: Mapping[SubscriptionKey, int] = field(default_factory=dict)
    places: Mapping[SubscriptionKey, Behind] = field(default_factory=dict)
    caught_up: Mapping[SubscriptionKey, tuple[str, ...]] = field(default_factory=dict)


class _Candidates(NamedTuple):
    """The subscriptions that may match the events of a batch.

    `indexes_by_term` has per index term the indexes of its events, in order; for the others, see `ports.Candidates`.
    """

    batch: Batch
    indexes_by_term: Mapping[str, Sequence[int]]
    keys_by_term: Mapping[str, Sequence[SubscriptionKey]]
    last_frames: Mapping[SubscriptionKey, int]


class _Cohort(NamedTuple):
    """Subscriptions that have yet to catch up and are at the same position, and the window that was read for them.

    `streams` are those of the window; none for all.
    """

    streams: Sequence[StreamName]
    subscriptions: Sequence[Subscription]
    after: Position
    window: Window
    lost: Lost


class EphemeralSender:
    """Reads the log of a turn, and builds the frames of the ephemeral subscriptions that receive its events.

    It caches subscriptions, for a key is never reused.

    Args:
        log: The log that turns read.
        turns: Finds the subscriptions of a partition.
        limits: How much a turn does.
    """

    def __init__(self, log: Log, turns: Turns, limits: TurnLimits) -> None:
        self._log = log
        self._turns = turns
        self._limits = limits
        self._losses = Losses(log)
        self._known: dict[SubscriptionKey, Subscription] = {}

    def send_live(self, turn: Turn, builder: DeliveryBuilder) -> tuple[Turn, dict[SubscriptionKey, int]]:
        """Send the events up to the goal to the subscriptions that have caught up.

        Args:
            turn: The turn; its goal is narrowed if there is too much to do.
            builder: Gathers the frames.

        Returns:
            The turn, perhaps with a narrowed goal, and the number of the last frame of each subscription.

        Raises:
            TurnLost: Another turn has begun since.
        """
        window = self._read_live(turn)
        batch = Batch(window.events)
        # `candidates` also checks the fencing token, so it is called after reading: an overtaken turn raises `TurnLost`
        # before it sends anything, also to durable subscriptions, which depend on the goal as well.
        candidates = self._candidates(turn, batch)
        turn, groups = self._match_within_limits(turn, candidates)
        lost: Lost = {}
        if window.may_miss(turn.checkpoint):
            lost = self._losses.of_live(
                turn, window, lambda: self._subscriptions(turn.partition, self._turns.caught_up(turn.partition))
            )
        keys = dict.fromkeys(to.key for subscriptions in (*groups.values(), *lost.values()) for to in subscriptions)
        last_frames = candidates.last_frames
        # Losses were read after `candidates`, so the token is checked again.
        if unknown := [key for key in keys if lost or key not in last_frames]:
            last_frames = {**last_frames, **self._turns.frames(turn, unknown)}
        loss_frames = add_losses(builder, lost, turn.checkpoint, last_frames)
        return turn, loss_frames | add_events(builder, batch.events, groups, {**last_frames, **loss_frames})

    def send_catch_up(self, turn: Turn, builder: DeliveryBuilder) -> CatchUp:
        """Send the next events to subscriptions that have yet to catch up. Those at one position share what is read.

        Args:
            turn: The turn.
            builder: Gathers the frames.

        Raises:
            TurnLost: Another turn has begun since.
        """
        behind = {state.key: state for state in turn.behind}
        cohorts, waiting = self._cohorts(turn, behind)
        # As in `send_live`, this is asked once all is read.
        frames_before = self._turns.frames(turn, list(behind))
        last_frames = {**frames_before}
        places = {key: behind[key] for key in waiting}
        caught_up: dict[SubscriptionKey, tuple[str, ...]] = {}
        for cohort in cohorts:
            window = cohort.window
            last_frames |= add_losses(builder, cohort.lost, cohort.after, last_frames)
            batch = Batch(window.events, streams=cohort.streams)
            groups: RecipientsByEvents = {}
            for subscription in cohort.subscriptions:
                if matched := batch.matched(subscription, range(len(batch.events))):
                    groups.setdefault((matched, subscription.bare), []).append(subscription)
            last_frames |= add_events(builder, batch.events, groups, last_frames)
            live = [
                subscription
                for subscription in cohort.subscriptions
                if window.at_end and _has_caught_up(turn, behind[subscription.key])
            ]
            if live:
                last_frames |= add_live(builder, turn.goal, live, last_frames)
                caught_up |= {subscription.key: terms_of(subscription) for subscription in live}
            # Removals after the window are reported when the subscriptions come there.
            places |= {
                subscription.key: replace(behind[subscription.key], position=window.reached)
                for subscription in cohort.subscriptions
                if subscription.key not in caught_up
            }
        frames = {key: number for key, number in last_frames.items() if number != frames_before[key]}
        return CatchUp(frames, places, caught_up)

    def _candidates(self, turn: Turn, batch: Batch) -> _Candidates:
        indexes_by_term: dict[str, list[int]] = {}
        for index, positioned in enumerate(batch.events):
            for term in terms_of_event(positioned.event.stream, batch.attributes(index)):
                indexes_by_term.setdefault(term, []).append(index)
        return _Candidates(batch, indexes_by_term, *self._turns.candidates(turn, list(indexes_by_term)))

    def _match_within_limits(self, turn: Turn, candidates: _Candidates) -> tuple[Turn, RecipientsByEvents]:
        """Return the subscriptions by their events, in a turn whose goal is narrowed to what it can do.

        Nothing is sent before the goal is settled.
        """
        events = candidates.batch.events
        if turn.goal_pinned:
            return turn, self._matched(turn, candidates, len(events))
        limits = self._limits
        positions = [positioned.position for positioned in events]
        count = affordable_to_match(positions, candidates.indexes_by_term, candidates.keys_by_term, most=limits.pairs)
        groups = self._matched(turn, candidates, count)
        most = limits.frames.event_bytes
        sizes = [min(len(positioned.event.body), most) for positioned in events[:count]]
        count = affordable_to_send(positions[:count], sizes, groups, limits.frames, most=limits.sent_bytes)
        if count == len(events):
            return turn, groups
        return self._turns.narrow(turn, positions[count - 1].end_of_append()), leading(groups, count)

    def _matched(self, turn: Turn, candidates: _Candidates, count: int) -> RecipientsByEvents:
        """Return the subscriptions that match any of the first `count` events, grouped by these events."""
        indexes_by_key: dict[SubscriptionKey, list[int]] = {}
        for term, keys in candidates.keys_by_term.items():
            indexes = candidates.indexes_by_term[term]
            if indexes[-1] >= count:
                indexes = [index for index in indexes if index < count]
            if indexes:
                for key in keys:
                    indexes_by_key.setdefault(key, []).extend(indexes)
        groups: RecipientsByEvents = {}
        for subscription in self._subscriptions(turn.partition, list(indexes_by_key)):
            if matched := candidates.batch.matched(subscription, sorted(set(indexes_by_key[subscription.key]))):
                groups.setdefault((matched, subscription.bare), []).append(subscription)
        return groups

    def _cohorts(
        self, turn: Turn, behind: Mapping[SubscriptionKey, Behind]
    ) -> tuple[list[_Cohort], list[SubscriptionKey]]:
        """Read the log for subscriptions that have yet to catch up.

        Returns:
            The cohorts, and the keys of the subscriptions that must wait: what they read is in the archive, which does
            not answer, or they start after the goal. If these were taken for caught up, they would receive events that
            lie before their start.
        """
        waiting: list[SubscriptionKey] = []
        alike: dict[tuple[Position, int, tuple[StreamName, ...]], list[Subscription]] = {}
        for subscription in self._subscriptions(turn.partition, list(behind)):
            position, removals = behind[subscription.key].position, behind[subscription.key].removals
            if turn.has_more and position > turn.goal:
                waiting.append(subscription.key)
                continue
            # At the goal nothing is left to read, of whatever streams.
            streams = () if position >= turn.goal else subscription.streams
            alike.setdefault((position, removals, streams), []).append(subscription)
        limits = self._limits
        count = max(1, min(limits.behind_events, limits.behind_together // turn.carried))
        cohorts: list[_Cohort] = []
        for (after, removals, streams), subscriptions in alike.items():
            try:
                window = read_window(self._log, turn.partition, after, turn.goal, count=count, streams=streams)
            except ArchiveUnavailable as error:
                # These wait, and no others do. In a retry all wait: see `GroupTurn.read`.
                if turn.is_retry:
                    raise
                _LOGGER.debug("partition %d: %s", turn.partition, error.detail)
                waiting += [subscription.key for subscription in subscriptions]
                continue
            sizes = [len(positioned.event.body) for positioned in window.events]
            window = window.leading(fitting(sizes, limits.sent_bytes // turn.carried))
            lost = self._losses.of_behind(turn, after, window, subscriptions, since=removals)
            cohorts.append(_Cohort(streams, subscriptions, after, window, lost))
        return cohorts, waiting

    def _read_live(self, turn: Turn) -> Window:
        """Read everything between the checkpoint and the goal; `begin` bounds how much that is."""
        events: list[PositionedEvent] = []
        window = Window((), turn.checkpoint, at_end=False)
        while not window.at_end:
            window = read_window(self._log, turn.partition, window.reached, turn.goal, count=self._limits.events)
            events += window.events
        return replace(window, events=events)

    def _subscriptions(self, partition: int, keys: Sequence[SubscriptionKey]) -> list[Subscription]:
        unknown = [key for key in keys if key not in self._known]
        if unknown:
            if len(self._known) + len(unknown) > _CACHED:
                self._known.clear()
                unknown = list(keys)
            self._known |= self._turns.definitions(partition, unknown)
        return [self._known[key] for key in keys if key in self._known]


_CACHED = 200_000
"""The number of subscriptions that a worker caches, of some 500 bytes each."""


def _has_caught_up(turn: Turn, behind: Behind) -> bool:
    """Return whether everything that was stored when the subscription started lies before the goal."""
    return not turn.has_more or behind.end <= turn.goal
