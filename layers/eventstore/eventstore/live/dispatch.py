"""The dispatcher: it takes the turns of partitions, and decides which subscriptions receive which events."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from eventstore.durable.dispatch import Served, serve
from eventstore.frames.builder import DeliveryBuilder
from eventstore.groups import TARGET, Heard, Leave, Silence
from eventstore.live.catch_up import CatchUp, EphemeralSender, TurnLimits
from eventstore.ports import TurnResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from eventstore.durable.dispatch import ActivityCheck
    from eventstore.groups import Command, Member
    from eventstore.ports import (
        Clock,
        DeadLetters,
        Deliveries,
        DispatchQueue,
        Durables,
        Log,
        Pushes,
        Registry,
        Turn,
        Turns,
    )
    from eventstore.subscriptions import Durable, SubscriptionKey

__all__ = ["QUEUED", "Dispatcher", "Pushing"]

_LOGGER = logging.getLogger(__name__)


class Pushing(NamedTuple):
    """Who makes the pushes of turns.

    Attributes:
        pusher: The owner of partitions of subscriptions that have a target.
        is_lost: Returns whether nobody has the pushes of a pusher any more: of a subscription, by its key, in a
            partition. Their results have not come.
    """

    pusher: Member
    is_lost: Callable[[Member, SubscriptionKey, int], bool]


QUEUED = Pushing(TARGET, lambda *_: False)
"""A queue makes them. It loses none."""


class Dispatcher:
    """Takes the turns of partitions. Each partition has one worker at a time that calls it.

    It caches subscriptions, for a key is never reused.

    Args:
        log: The log that turns read.
        turns: Begins and commits turns.
        deliveries: Receives the frames.
        durables: Receives commands about owners whose deadline has passed.
        registry: Knows when connections were last active.
        dispatch_queue: Receives requests for later turns.
        letters: Receives the events of parked streams.
        pushes: Returns the queue of pushes, when it is first needed.
        clock: Tells when to stop.
        limits: How much a turn does.
        pushing: Makes the pushes, and knows which are lost.
    """

    def __init__(
        self,
        log: Log,
        turns: Turns,
        deliveries: Deliveries,
        *,
        durables: Durables,
        registry: Registry,
        dispatch_queue: DispatchQueue,
        letters: DeadLetters,
        pushes: Callable[[], Pushes],
        clock: Clock,
        limits: TurnLimits | None = None,
        pushing: Pushing = QUEUED,
    ) -> None:
        self._pushing = pushing
        self._log = log
        self._turns = turns
        self._deliveries = deliveries
        self._durables = durables
        self._registry = registry
        self._dispatch_queue = dispatch_queue
        self._letters = letters
        self._pushes = pushes
        self._clock = clock
        self._limits = limits or TurnLimits()
        self._ephemeral = EphemeralSender(log, turns, self._limits)
        self._definitions: dict[SubscriptionKey, Durable] = {}

    def serve(self, partition: int, *, until: int) -> bool:
        """Take turns until nothing is left to do or the time has come.

        Args:
            partition: The partition's number.
            until: When to begin no further turn, in milliseconds since 1970.

        Returns:
            Whether something is left to do. Then the caller requests another turn.

        Raises:
            TurnLost: Another worker serves the partition.
            Unavailable: The store or a queue does not answer. Frames that were sent may be sent again, under the same
                numbers.
        """
        while self.take_turn(partition):
            if self._clock.now() >= until:
                return True
        return False

    def take_turn(self, partition: int) -> bool:
        """Take one turn of a partition, and return whether the partition has more to do."""
        turn = self._turns.begin(partition, events=self._limits.events, behind=self._limits.behind)
        if turn.idle:
            return False
        builder = DeliveryBuilder(partition, turn.epoch, self._limits.frames, self._limits.events_url)
        live_frames: dict[SubscriptionKey, int] = {}
        if turn.live and turn.goal > turn.checkpoint:
            turn, live_frames = self._ephemeral.send_live(turn, builder)
        catch_up = self._ephemeral.send_catch_up(turn, builder) if turn.behind else CatchUp()
        served = self._serve_groups(turn, builder) if turn.groups else {}
        # The letters first: no event is recorded as parked before it is in the dead letter queue.
        self._letters.send([letter for group in served.values() for letter in group.letters])
        self._deliveries.send(builder.deliveries())
        self._push(served.values())
        has_checks = self._check_activity(turn, served.values())
        groups = {key: group.group for key, group in served.items() if not group.is_unchanged}
        definitions = {
            key: group.durable for key, group in served.items() if group.durable is not self._definitions[key]
        }
        alarm = self._request_later_turn(turn, [group.due for group in served.values() if group.due is not None])
        frames = {**live_frames, **catch_up.frames}
        pushed = [key for key, group in served.items() if group.only_pushed]
        result = TurnResult(frames, catch_up.places, catch_up.caught_up, groups, alarm, definitions, pushed)
        has_more = self._turns.commit(turn, result)
        self._definitions |= definitions
        return has_more or has_checks or any(group.more for group in served.values())

    def _push(self, served: Iterable[Served]) -> None:
        for group in served:
            if group.pushes:
                self._pushes().send(group.pushes)
            for missing in group.missing:
                # There is no frame for a target that could say so.
                _LOGGER.warning("%s: removed before it was pushed: {%s}", group.durable.name, missing)

    def _serve_groups(self, turn: Turn, builder: DeliveryBuilder) -> dict[SubscriptionKey, Served]:
        """Apply the commands to each durable subscription of the partition, and send the events that it may receive."""
        commands: dict[SubscriptionKey, list[Command]] = {}
        for key, command in turn.commands:
            commands.setdefault(key, []).append(command)
        return {
            key: serve(
                self._log,
                turn,
                durable,
                turn.groups[key],
                commands=commands.get(key, []),
                builder=builder,
                pusher=self._pushing.pusher,
            )
            for key, durable in self._definitions_of(turn).items()
        }

    def _definitions_of(self, turn: Turn) -> dict[SubscriptionKey, Durable]:
        """Return the turn's durable subscriptions by their keys, without those that were deleted."""
        known = self._definitions
        unknown = [key for key, group in turn.groups.items() if key not in known or known[key].version != group.version]
        if unknown:
            known |= self._turns.durables(turn.partition, unknown)
        return {key: known[key] for key in turn.groups if key in known}

    def _check_activity(self, turn: Turn, served: Iterable[Served]) -> bool:
        """Enqueue the activity of owners whose deadline has passed, and lost pushes; return whether there is any.

        It is a command of the next turn, so that a retry of that turn does the same, whatever the owner does meanwhile.
        """
        has_checks = False
        for group in served:
            command = self._activity_of(group.activity_check, group.durable, turn) if group.activity_check else None
            if command is not None:
                self._durables.enqueue(group.durable, {turn.partition: (command,)})
                has_checks = True
        return has_checks

    def _activity_of(self, check: ActivityCheck, durable: Durable, turn: Turn) -> Command | None:
        owner, heard = check.owner.connection, check.heard
        if durable.target is not None:
            is_lost = self._pushing.is_lost(check.owner, durable.key, turn.partition)
            return Silence(owner, heard) if is_lost else None
        silence = self._registry.silence(owner)
        if silence is not None and silence < durable.settings.ack_deadline_ms:
            return Heard(owner, turn.now - silence)
        if self._registry.connection(owner) is None:
            # A process that died while it joined the connection to the group, which had ended, has left it there.
            return Leave(owner, orderly=True)
        return Silence(owner, heard)

    def _request_later_turn(self, turn: Turn, due_times: Sequence[int]) -> int:
        """Request a turn for when something is due, unless one is requested already that comes early enough.

        Returns:
            When the turn was requested for, in milliseconds since 1970; 0 if none was requested.
        """
        earliest = min(due_times, default=None)
        if earliest is None or turn.now < turn.alarm <= earliest:
            return 0
        # What is due after the longest delay of a message is requested again in the turn that the message starts.
        alarm = min(max(earliest, turn.now + 1), turn.now + _LONGEST_DELAY_MS)
        self._dispatch_queue.request_turn_later(turn.partition, seconds=(alarm - turn.now) / 1000)
        return alarm


_LONGEST_DELAY_MS = 900_000
"""The longest delay of a message (SQS quotas)."""
