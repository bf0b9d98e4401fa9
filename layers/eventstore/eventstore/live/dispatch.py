"""Deciding who gets which events: one partition's turn after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.durable.dispatch import Served, serve
from eventstore.frames.builder import DeliveryBuilder
from eventstore.groups import Group, Heard, Silence, decoded
from eventstore.live.catch_up import Carrier, TurnLimits
from eventstore.ports import TurnResult
from eventstore.subscriptions import Durable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.groups import Command
    from eventstore.ports import (
        Behind,
        Bells,
        Clock,
        DeadLetters,
        Deliveries,
        Durables,
        Log,
        Registry,
        Turn,
        Turns,
    )

__all__ = ["Dispatcher"]


class Dispatcher:
    """Serves partitions; the one worker of a partition calls it, and none at the same time.

    What it knows of subscriptions it keeps: a key means one subscription for ever.
    """

    def __init__(
        self,
        log: Log,
        turns: Turns,
        deliveries: Deliveries,
        *,
        durables: Durables,
        registry: Registry,
        bells: Bells,
        letters: DeadLetters,
        clock: Clock,
        limits: TurnLimits | None = None,
    ) -> None:
        self._log = log
        self._turns = turns
        self._deliveries = deliveries
        self._durables = durables
        self._registry = registry
        self._bells = bells
        self._letters = letters
        self._clock = clock
        self._limits = limits or TurnLimits()
        self._carrier = Carrier(log, turns, self._limits)
        self._definitions: dict[str, Durable] = {}

    def serve(self, partition: int, *, until: int) -> bool:
        """Take turns until nothing is left to do or the time (in milliseconds since 1970) has come.

        Returns:
            Whether something is left: the partition is to be rung for again.

        Raises:
            TurnLost: Another worker serves the partition.
            Unavailable: The store or a queue does not answer. What was sent may be sent again, under the same numbers.
        """
        while self.take_turn(partition):
            if self._clock.now() >= until:
                return True
        return False

    def take_turn(self, partition: int) -> bool:
        """One turn; whether the partition has more to do."""
        turn = self._turns.begin(partition, events=self._limits.events, behind=self._limits.behind)
        if turn.idle:
            return False
        builder = DeliveryBuilder(partition, turn.epoch, self._limits.frames, self._limits.events_url)
        frames: dict[str, int] = {}
        if turn.live and turn.target > turn.checkpoint:
            turn, frames = self._carrier.carry_live(turn, builder)
        caught_up: dict[str, tuple[str, ...]] = {}
        places: dict[str, Behind] = {}
        if turn.behind:
            self._carrier.carry_behind(turn, builder, frames, places, caught_up)
        served = self._serve_groups(turn, builder) if turn.groups else {}
        # The letters first: an event that is parked is never only in a state.
        self._letters.send([letter for one in served.values() for letter in one.letters])
        self._deliveries.send(builder.deliveries())
        asked = self._inquire(turn, served.values())
        moved = {key: one.state for key, one in served.items() if one.state != turn.groups[key]}
        changed = {
            key: one.durable.encoded() for key, one in served.items() if one.durable is not self._definitions[key]
        }
        alarm = self._alarm(turn, [one.due for one in served.values() if one.due is not None])
        more = self._turns.commit(turn, TurnResult(frames, places, caught_up, moved, alarm, changed))
        self._definitions |= {key: served[key].durable for key in changed}
        return more or asked or any(one.more for one in served.values())

    def _serve_groups(self, turn: Turn, builder: DeliveryBuilder) -> dict[str, Served]:
        """Give each durable subscription of the partition what it may get."""
        commands: dict[str, list[Command]] = {}
        for key, command in turn.commands:
            commands.setdefault(key, []).append(decoded(command))
        groups = {key: Group.decoded(state) for key, state in turn.groups.items()}
        return {
            key: serve(self._log, turn, durable, groups[key], commands=commands.get(key, []), builder=builder)
            for key, durable in self._defined(turn, groups).items()
        }

    def _defined(self, turn: Turn, groups: Mapping[str, Group]) -> dict[str, Durable]:
        """What the turn's durable subscriptions are, by their keys; those that ended are left out."""
        known = self._definitions
        unknown = [key for key, group in groups.items() if key not in known or known[key].version != group.version]
        if unknown:
            found = self._turns.durables(turn.partition, unknown)
            known |= {key: Durable.decoded(text) for key, text in found.items()}
        return {key: known[key] for key in groups if key in known}

    def _inquire(self, turn: Turn, served: Iterable[Served]) -> bool:
        """Find out about owners whose deadline has passed; the next turn takes in what is known then.

        That it is a command makes a second try of the next turn do the same, whatever the owner does meanwhile.
        """
        asked = False
        for one in served:
            if one.inquiry is None:
                continue
            owner, heard = one.inquiry.owner.connection, one.inquiry.heard
            silence = self._registry.silence(owner)
            works = silence is not None and silence < one.durable.rules.ack_deadline
            command = Heard(owner, turn.now - silence) if works and silence is not None else Silence(owner, heard)
            self._durables.enqueue(one.durable, {turn.partition: (command,)})
            asked = True
        return asked

    def _alarm(self, turn: Turn, dues: Sequence[int]) -> int:
        """Ask for a turn when something falls due, unless one is asked for that comes early enough."""
        earliest = min(dues, default=None)
        if earliest is None or turn.now < turn.alarm <= earliest:
            return 0
        # What is due later than a bell can be is asked for again when that bell comes.
        alarm = min(max(earliest, turn.now + 1), turn.now + _LONGEST)
        self._bells.ring_later(turn.partition, seconds=(alarm - turn.now) / 1000)
        return alarm


_LONGEST = 900_000
"""Milliseconds that a message may be delayed (SQS quotas)."""
