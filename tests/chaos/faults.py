"""Faults around the functions: late, repeated and lost messages, clock jumps, unavailable stores and queues."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.chaos.rules.removals import check_ranges, ranges_of
from tests.chaos.wiring import Killed, Process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.chaos.queues import Fifo, Message
    from tests.chaos.targets import Answer
    from tests.chaos.world import World

__all__ = ["FAULTS", "Functions"]

FAULTS = (
    "a process ended",
    "a batch failed in part",
    "a message came twice",
    "two workers of a partition",
    "a disconnect was not reported",
    "the cache's clock jumped ahead",
    "the cache's clock jumped back",
    "a wake-up was lost",
    "the queues were away",
    "the store was full",
    "all functions started cold",
    "a target was away",
    "a target did some of its work and did not answer",
    "a target asked to slow down",
    "a target had no time for some events",
    "a target refused some events",
    "a push or its report was lost",
)

_BATCH = 10
_HOUR = 3_600_000


class Functions:
    """Calls the functions with the messages of the queues, with and without faults."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._numbers = 0
        self._outage_ends = 0
        self._swept = 0

    # Turns and deliveries.

    def dispatch(self) -> None:
        hub = self.world.hub
        batch = hub.wakeups.receive(self.world.rng, most=_BATCH)
        if batch:
            self.dispatch_batch(batch, one_turn=self.world.rng.random() < 0.4)

    def dispatch_batch(self, batch: Sequence[Message], *, one_turn: bool = False) -> None:
        """Deliver wake-ups; a partition whose turn failed is retried later."""
        world = self.world
        partitions = _partitions(batch)
        # Until the call ends, a turn of the partition is in progress.
        # A retried turn applies the commands from before its start only.
        old = world.dirty & partitions if one_turn else set()
        world.dirty |= partitions
        failed = world.hub.dispatch(batch, one_turn=one_turn)
        world.note(f"dispatch {[one.body for one in batch]}: {'died' if failed is None else sorted(failed)}")
        self._settle(world.hub.wakeups, batch, failed)
        self._hear_of_losses()
        failing = _partitions([one for one in batch if failed is None or one.id in failed])
        for partition in partitions:
            if partition not in failing:
                world.dirty.discard(partition)
                for durable in world.durables.values() if partition not in old else ():
                    durable.served(partition)

    def deliver(self) -> None:
        hub = self.world.hub
        batch = hub.deliveries.receive(self.world.rng, most=_BATCH)
        if batch:
            failed = hub.deliver(batch)
            self._settle(hub.deliveries, batch, failed)

    def push(self) -> None:
        """Call targets, perhaps with little time."""
        hub, rng = self.world.hub, self.world.rng
        batch = hub.pushes.receive(rng, most=_BATCH)
        if not batch:
            return
        if hub.arm is not None:
            # It makes few calls.
            hub.arm.dies_at = rng.randint(1, 5)
        is_short = not self.world.is_calm and rng.random() < 0.2
        milliseconds = rng.randint(5000, 60_000) if is_short else 600_000
        self.world.note(f"push {[one.group for one in batch]}")
        failed = hub.push(batch, self._call, milliseconds=milliseconds)
        self.world.note(f"pushed: {'died' if failed is None else sorted(failed)}")
        self._settle(hub.pushes, batch, failed)

    def _call(self, address: str, events: Sequence[dict[str, Any]], attempts: Sequence[int]) -> Answer:
        """Call a target. While it works time passes, and others work too."""
        target = self.world.targets[address]
        if duration := target.duration():
            self.pass_time(duration)
            self.dispatch()
        return target.call(events, attempts)

    def lose_push(self) -> None:
        """The queue gives up a push, or the report of one."""
        world = self.world
        reports = [one for waiting in world.hub.wakeups.groups.values() for one in waiting if '"pushed"' in one.body]
        pushes = [one for waiting in world.hub.pushes.groups.values() for one in waiting]
        if reports or pushes:
            lost = world.rng.choice(reports + pushes)
            world.note(f"lost: {lost.body}")
            world.hub.wakeups.delete(lost)
            world.hub.pushes.delete(lost)
            world.faults["a push or its report was lost"] += 1

    def _hear_of_losses(self) -> None:
        """Read what the hub logged of events that were removed before they could be pushed."""
        world = self.world
        losses, world.losses = world.losses, []
        for name, message in losses:
            durable = world.durables.get(name)
            if durable is None:
                continue
            ranges = ranges_of(message)
            world.note(f"{durable.about}: removed before it was pushed: {message}")
            check_ranges(
                durable.about,
                ranges,
                world.log,
                durable.may_get,
                account=durable.reach,
                first_kept=world.first_kept,
            )
            for stream, first, last in ranges:
                durable.account.excuse(stream, first, last)
            if message.get("missing_more"):
                for stream, first_kept in world.firsts().items():
                    durable.account.excuse(stream, 1, first_kept - 1)

    def _settle(self, queue: Fifo, batch: Sequence[Message], failed: set[str] | None) -> None:
        if failed is None:
            return
        if failed:
            self.world.faults["a batch failed in part"] += 1
        for message in batch:
            if message.id in failed:
                continue
            if self.world.rng.random() < self.chance_of_twice:
                self.world.faults["a message came twice"] += 1
                continue
            queue.delete(message)

    chance_of_twice = 0.04

    def _wakeups(self) -> list[Message]:
        """The messages that only request a turn."""
        return [
            one
            for waiting in self.world.hub.wakeups.groups.values()
            for one in waiting
            if '"partition"' in one.body and '"pushed"' not in one.body
        ]

    def two_workers(self) -> None:
        """Two workers serve one partition at the same time, with interleaved calls."""
        world, rng = self.world, self.world.rng
        wakeups = self._wakeups()
        if not wakeups:
            return
        message = rng.choice(wakeups)
        partition = json.loads(message.body)["partition"]
        dying = [Process(rng.randint(1, 12) if rng.random() < 0.2 else 0, rng.random() < 0.5) for _ in range(2)]
        world.dirty.add(partition)
        raised = world.hub.dispatch_twice([message], dying)
        results = [type(error).__name__ if error else "well" for error in raised]
        world.note(f"two workers of partition {partition}: {results}")
        world.faults["two workers of a partition"] += 1
        if any(isinstance(error, Killed) for error in raised):
            world.faults["a process ended in dispatch"] += 1
        if not any(raised):
            world.dirty.discard(partition)
            world.hub.wakeups.delete(message)
        self._hear_of_losses()

    def archive(self) -> None:
        """Archive, and let events leave memory."""
        archived = self.world.hub.archive()
        self.world.note(f"archive: {'died' if archived is None else archived.cooled}")
        if archived is not None:
            self.world.figures["events that left memory"] += archived.cooled

    def sweep(self) -> None:
        self._swept = self.world.hub.clocks.true
        done = self.world.hub.sweep()
        self.world.note(f"sweep: {'well' if done else 'died'}")

    def disconnected(self) -> None:
        """The gateway reports a disconnect, or loses it."""
        world = self.world
        if not world.hub.gateway.ended:
            return
        connection = world.hub.gateway.ended.pop(0)
        if world.rng.random() < 0.15:
            world.faults["a disconnect was not reported"] += 1
            return
        world.hub.disconnected(connection)

    # Time.

    def pass_time(self, milliseconds: int) -> None:
        """Let time pass: alarms fire, busy members send keep-alives, and the sweep runs every minute."""
        world = self.world
        arm, world.hub.arm = world.hub.arm, None
        left = milliseconds
        while left > 0:
            step = min(left, 2500)
            left -= step
            world.hub.pass_time(step)
            self._fire_alarms()
            for durable in world.durables.values():
                for member in durable.members:
                    now = world.hub.clocks.true
                    owned = [part.spoke for part in member.parts.values() if part.owned]
                    if member.is_over or not member.reads:
                        continue
                    if member.keeps_alive:
                        member.read()
                    if member.keeps_alive and owned and now - min(owned) >= durable.deadline // 4:
                        member.keep_alive()
                durable.pass_time()
            if world.hub.clocks.true - self._swept >= 60_000:
                self.sweep()
        world.hub.arm = arm

    def _fire_alarms(self) -> None:
        for partition in self.world.hub.alarms.due(self.world.hub.clocks.true):
            self._numbers += 1
            self.world.hub.wakeups.send(f"alarm{self._numbers}", json.dumps({"alarm": partition}))

    def step_clock(self) -> None:
        """The clock of the cache jumps by up to an hour, ahead or back."""
        world, rng = self.world, self.world.rng
        ahead = rng.random() < 0.5
        step = rng.choice([rng.randint(1000, 60_000), rng.randint(60_000, _HOUR)])
        world.hub.clocks.skew += step if ahead else -step
        world.note(f"the cache's clock jumps {'ahead' if ahead else 'back'} by {step} ms")
        world.faults[f"the cache's clock jumped {'ahead' if ahead else 'back'}"] += 1
        if ahead:
            for durable in world.durables.values():
                durable.step_clock()

    # What is away.

    def lose_wakeup(self) -> None:
        world = self.world
        wakeups = self._wakeups()
        if wakeups:
            world.hub.wakeups.delete(world.rng.choice(wakeups))
            world.faults["a wake-up was lost"] += 1

    def queues_away(self) -> None:
        """For a number of steps, the queues accept no message."""
        self.world.hub.outage.now = True
        self._outage_ends = self.world.step + self.world.rng.randint(1, 12)
        self.world.note("the queues are away")
        self.world.faults["the queues were away"] += 1

    def store_full(self) -> None:
        """For a number of steps, the store is full."""
        world = self.world
        world.full = world.rng.randint(5, 40)
        world.hub.fill(full=True)
        world.note("the store is full")
        world.faults["the store was full"] += 1
        if world.rng.random() < 0.5:
            world.hub.restart()

    def cold_start(self) -> None:
        self.world.hub.restart()
        self.world.faults["all functions started cold"] += 1

    def end_of_step(self) -> None:
        """Restore what was unavailable."""
        world = self.world
        if world.hub.outage.now and world.step >= self._outage_ends:
            world.hub.outage.now = False
            world.note("the queues are back")
        if world.full:
            world.full -= 1
            if not world.full:
                world.hub.fill(full=False)
                world.note("there is room again")


def _partitions(messages: Sequence[Message]) -> set[int]:
    """The partitions that messages request turns of."""
    bodies = [json.loads(message.body) for message in messages]
    return {body["partition"] for body in bodies if "partition" in body}
