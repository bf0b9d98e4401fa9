"""Without faults, and with time, everything settles: no event is owed, held or left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos.rules.removals import check_settled
from tests.chaos.violation import Violation

if TYPE_CHECKING:
    from tests.chaos.durables import Durable
    from tests.chaos.faults import Functions
    from tests.chaos.operators import Operators
    from tests.chaos.subscribers import Subscribers
    from tests.chaos.world import World

__all__ = ["Calm"]

_ROUNDS = 3000
_LONGEST = 60 * 60_000
"""Milliseconds after which everything must have come to an end."""

_MOST_BATCHES = 3000
"""Wake-ups beyond which turns request each other; a calm has a few hundred at most."""

_LONG = 5 * 60_000
"""Milliseconds: wake-ups that are further ahead are for pushes that were lost."""


class Calm:
    def __init__(self, world: World, functions: Functions, subscribers: Subscribers, operators: Operators) -> None:
        self.world = world
        self._functions = functions
        self._subscribers = subscribers
        self._operators = operators
        self._batches = 0

    def come(self) -> None:
        """End all faults, wait until nothing happens any more, and check the result."""
        self._mend()
        self._wait()
        self._check_durables()
        self._check_subscribers()
        self._check_store()
        self.world.is_calm = False

    def _mend(self) -> None:
        world, hub = self.world, self.world.hub
        world.note("calm")
        world.is_calm = True
        hub.arm, hub.outage.now = None, False
        if world.full:
            world.full = 0
            hub.fill(full=False)
        for socket in hub.gateway.sockets.values():
            socket.reachable = True
        for durable in world.durables.values():
            for member in durable.members:
                member.busy_until = 0
                if not member.is_over and not (member.keeps_alive and member.reads):
                    member.leave(politely=True)
            durable.awaits_target = False
            if durable.target is None and all(member.is_over for member in durable.members):
                self._operators.join_to(durable, "healthy")
        self._functions.chance_of_twice = 0

    def _wait(self) -> None:
        started = self.world.hub.clocks.true
        self._batches = 0
        quiet = 0
        for _ in range(_ROUNDS):
            moved = self._serve()
            if moved:
                quiet = 0
            elif (ahead := self._next_alarm()) is not None:
                self._functions.pass_time(max(1, ahead))
            elif quiet:
                self._functions.chance_of_twice = 0.04
                return
            else:
                # The sweep replaces lost wake-ups.
                quiet = 1
                self._functions.sweep()
            if self.world.hub.clocks.true > started + _LONGEST:
                raise Violation("all comes to an end", "an hour has passed, and there is still something to do")
        raise Violation("all comes to an end", f"after {_ROUNDS} rounds there is still something to do")

    def _next_alarm(self) -> int | None:
        """In how many milliseconds the next wake-up comes that may have something to do; None if none does."""
        hub = self.world.hub
        ahead = min((at for at, _ in hub.alarms.waiting), default=hub.clocks.true) - hub.clocks.true
        if not hub.alarms.waiting or (ahead > _LONG and not self._has_pushed()):
            return None
        return ahead

    def _has_pushed(self) -> bool:
        """Whether events were pushed and nothing is known of them; that they were lost shows after a long time."""
        replies = [self.world.hub.rest("GET", f"/subscriptions/{name}") for name in self.world.durables]
        return any(reply.json["in_flight"] or reply.json["held"] for reply in replies)

    def _serve(self) -> bool:
        """Let everyone work; return whether there was any work."""
        world, hub = self.world, self.world.hub
        moved = False
        while hub.gateway.ended:
            hub.disconnected(hub.gateway.ended.pop(0))
            moved = True
        for _ in range(_ROUNDS):
            if not len(hub.wakeups):
                break
            self._batches += 1
            if self._batches > _MOST_BATCHES:
                raise Violation("turns come to rest", f"{_MOST_BATCHES} wake-ups, and there are still some")
            self._functions.dispatch_batch([waiting[0] for waiting in list(hub.wakeups.groups.values())[:10]])
        while len(hub.deliveries):
            self._functions.deliver()
            moved = True
        while len(hub.pushes):
            self._functions.push()
            moved = True
        for subscriber in list(world.subscribers):
            moved = subscriber.read() or moved
            self._subscribers.mend(subscriber)
        for durable in [*world.durables.values(), *world.ended]:
            moved = self._work(durable) or moved
        return moved

    def _work(self, durable: Durable) -> bool:
        moved = False
        for member in durable.members:
            moved = (not member.is_over and member.read()) or moved
            for partition, part in list(member.parts.items()):
                while (part.queue or part.revoked) and not member.is_over:
                    member.work(partition, failing=0.0)
                    moved = True
                if (part.places or part.again) and not member.is_over:
                    member.acknowledge(partition, all_of_it=True)
                    moved = True
        if not durable.is_deleted and durable.target is None and all(member.is_over for member in durable.members):
            self._operators.join_to(durable, "healthy")
            moved = True
        durable.members = [member for member in durable.members if not member.is_over or member.socket.open]
        return moved

    def _check_durables(self) -> None:
        for durable in self.world.durables.values():
            reply = self.world.hub.rest("GET", f"/subscriptions/{durable.name}")
            stands = reply.json
            left = {name: stands[name] for name in ("in_flight", "held", "lag") if stands[name]}
            target = durable.target.members if durable.target else None
            if stands.get("target") != target:
                text = f"{durable.about} has the target {stands.get('target')}, and was to have {target}"
                raise Violation("a subscription is as it was asked to be", text, durable.about)
            if left:
                raise Violation("nothing is left in progress", f"{durable.about}: {left}", durable.about)
            for stream, sequence in self._operators.parked(durable).items():
                durable.account.excuse(stream, sequence, self.world.log.stream(stream).head)
            streams = self.world.log.streams.values()
            check_settled(durable.about, durable.owes, durable.account, streams)
            durable.calm_down(stands["filters"])

    def _check_subscribers(self) -> None:
        for subscriber in self.world.subscribers:
            check_settled(subscriber.name, subscriber.interest, subscriber.account, self.world.log.streams.values())
            for stream in self.world.log.streams.values():
                subscriber.account.settle(stream)

    def _check_store(self) -> None:
        """Of a stream that was deleted nothing is left but its state, and that names no event."""
        raw = self.world.hub.raw
        self._functions.sweep()
        for stream in self.world.log.streams.values():
            if stream.head and stream.deleted == stream.head:
                tag = f"{{p{stream.partition}}}"
                entries = raw.xlen(f"{tag}:events:{stream.name}")
                keys = [name for name in raw.hkeys(f"{tag}:state:{stream.name}") if len(name) == 16]
                if entries or keys:
                    text = f"{stream.name}: {entries} entries, {len(keys)} ids"
                    raise Violation("a deleted stream leaves no events", text, stream.name)
