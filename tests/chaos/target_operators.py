"""What operators do with the targets of durable subscriptions, and what becomes of these programs."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from tests.chaos.targets import PushTarget
from tests.chaos.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.durables import Durable
    from tests.chaos.world import World

__all__ = ["TargetOperators"]


class TargetOperators:
    def __init__(self, world: World) -> None:
        self.world = world
        self._numbers = count(1)

    # Definitions.

    def new(self, durable: Durable) -> PushTarget:
        """Another target, which pushes of the subscription find from now on."""
        target = PushTarget(self.world, durable, next(self._numbers), **self._size())
        self.world.targets[target.address] = target
        return target

    def give(self) -> None:
        """Let the members of a subscription leave, and give it a target as soon as the hub knows that they left."""
        # One that waits for it goes first.
        durable = self._any(lambda one: one.awaits_target) or self._any(lambda one: one.target is None)
        if durable is None:
            return
        for member in durable.members:
            if not member.is_over:
                member.leave(politely=True)
        target = self.new(durable)
        reply = self._patch(durable, target.members)
        durable.awaits_target = reply == 409
        if reply == 409:
            self.world.figures["targets refused, for there are members"] += 1
            if not durable.had_members:
                raise Violation("a subscription without members gets a target", durable.about, durable.about)
        elif reply == 200:
            durable.target, durable.had_members = target, False

    def take(self) -> None:
        """Take the target away; from then on, members may join."""
        durable = self._any(lambda one: one.target is not None)
        if durable is not None and self._patch(durable, None) == 200:
            durable.target = None

    def change(self) -> None:
        """Change some of the target's settings, or replace it by another one."""
        durable = self._any(lambda one: one.target is not None)
        if durable is None or durable.target is None:
            return
        if self.world.rng.random() < 0.5:
            target = self.new(durable)
            if self._patch(durable, target.members) == 200:
                durable.target = target
            return
        size = self._size()
        durable.target.change(**size)
        self._patch(durable, size)

    def _patch(self, durable: Durable, target: dict[str, Any] | None) -> int:
        reply = self.world.hub.json("PATCH", f"/subscriptions/{durable.name}", {"target": target})
        self.world.note(f"change the target of {durable.about} to {target}: {reply.status}")
        refused = reply.status == 409 and reply.json["code"] == "subscription-has-members" and durable.target is None
        if reply.status != 200 and not refused:
            raise Violation(
                "a subscription is changed", f"{durable.about}: {reply.status} {reply.body!r}", durable.about
            )
        return reply.status

    def _size(self) -> dict[str, int]:
        rng = self.world.rng
        return {"batch": rng.choice([1, 2, 5, 10]), "concurrency": rng.randint(1, 4)}

    def _any(self, which: Callable[[Durable], bool]) -> Durable | None:
        durables = [durable for durable in self.world.durables.values() if which(durable)]
        return self.world.rng.choice(durables) if durables else None

    # What becomes of the programs.

    def be_away(self) -> None:
        """It does not answer for a while: for one call, or so long that the hub pauses."""
        self._begin("away_until", self.world.rng.choice([1000, 30_000, 200_000]))

    def be_busy(self) -> None:
        self._begin("busy_until", self.world.rng.choice([1000, 20_000]))

    def fail(self) -> None:
        self._begin("failing_until", 30_000)

    def be_slow(self) -> None:
        self._begin("slow_until", 60_000)

    def _begin(self, mood: str, milliseconds: int) -> None:
        durable = self._any(lambda one: one.target is not None)
        if durable is not None:
            until = self.world.hub.clocks.true + self.world.rng.randint(1, milliseconds)
            setattr(durable.target, mood, until)
            self.world.note(f"the target of {durable.about}: {mood} {until}")
