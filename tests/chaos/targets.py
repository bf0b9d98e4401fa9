"""Targets of durable subscriptions: programs that are called with events, from docs/rules.md only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.chaos.rules.content import check_event
from tests.chaos.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.chaos.durables import Durable
    from tests.chaos.log import Event
    from tests.chaos.world import World

__all__ = ["Answer", "PushTarget", "Refused"]


class Refused(NamedTuple):
    """An event that a target did not handle.

    Attributes:
        delay: The milliseconds until the next attempt, if it names them.
        park: Whether it says that another attempt would be in vain.
        counts: Whether it was an attempt at all.
    """

    reason: str
    delay: int | None = None
    park: bool = False
    counts: bool = True


@dataclass(frozen=True)
class Answer:
    """What comes of a call.

    Attributes:
        refused: The events that were refused, by their place in the call.
        is_away: Whether there was no answer, whatever the target did before.
        is_busy: Whether the target asked to slow down, and did nothing.
        pause: For how many milliseconds, if it said so.
    """

    refused: Mapping[int, Refused] = field(default_factory=dict)
    is_away: bool = False
    is_busy: bool = False
    pause: int | None = None


class PushTarget:
    """A program that a durable subscription pushes to. In a calm it is quick, and handles everything.

    Attributes:
        batch: The most events of one call, by any of the definitions that named it.
        away_until: Until when it does not answer, in milliseconds.
        busy_until: Until when it asks to slow down.
        failing_until: Until when it refuses most events.
        slow_until: Until when a call may take as long as the deadline.
    """

    def __init__(self, world: World, durable: Durable, number: int, *, batch: int, concurrency: int) -> None:
        self.world = world
        self.durable = durable
        self.address = f"target-{number}"
        self.batch = batch
        self.away_until = self.busy_until = self.failing_until = self.slow_until = 0
        self._newest = {"batch": batch, "concurrency": concurrency}

    @property
    def members(self) -> dict[str, Any]:
        """What a definition names it by."""
        return {"lambda": self.address, **self._newest}

    def change(self, *, batch: int, concurrency: int) -> None:
        """Another definition names it; pushes by earlier ones may still be under way."""
        self.batch = max(self.batch, batch)
        self._newest = {"batch": batch, "concurrency": concurrency}

    def duration(self) -> int:
        """How many milliseconds the next call takes."""
        if self.world.is_calm or self.world.hub.clocks.true >= self.slow_until:
            return 0
        return self.world.rng.randint(0, self.durable.deadline)

    def call(self, received: Sequence[dict[str, Any]], attempts: Sequence[int]) -> Answer:
        """Handle events, as far as the target is in the mood for it.

        Args:
            received: The events.
            attempts: Of each event, the number that it came with.
        """
        world, now = self.world, self.world.hub.clocks.true
        events = [check_event(self.address, world.log, body) for body in received]
        world.note(f"{self.address} is called: {' '.join(f'{one.stream}/{one.sequence}' for one in events)}")
        self._check(events, attempts)
        if world.is_calm:
            for event in events:
                self._handle(event)
            return Answer()
        if now < self.busy_until:
            world.faults["a target asked to slow down"] += 1
            return Answer(is_busy=True, pause=world.rng.choice([None, world.rng.randint(0, 60_000)]))
        if now < self.away_until:
            return self._be_away(events)
        return self._work(events, failing=0.8 if now < self.failing_until else 0.06)

    def _be_away(self, events: Sequence[Event]) -> Answer:
        """Handle none, some or all, and do not answer."""
        rng = self.world.rng
        done = rng.randint(0, len(events)) if rng.random() < 0.4 else 0
        for event in events[:done]:
            self._handle(event)
        for first in {event.stream: event for event in reversed(events)}.values():
            self.durable.fail(first.stream, first.sequence, park=False)
        self.world.faults["a target did some of its work and did not answer" if done else "a target was away"] += 1
        self.world.note(f"{self.address} does {done} of {len(events)} and does not answer")
        return Answer(is_away=True)

    def _work(self, events: Sequence[Event], *, failing: float) -> Answer:
        rng = self.world.rng
        refused: dict[int, Refused] = {}
        failed: set[str] = set()
        # From there on it has no time left, or asks to slow down: no event was tried.
        end = rng.randint(0, len(events)) if rng.random() < 0.08 else len(events)
        for number, event in enumerate(events):
            if event.stream in failed:
                # Whatever it says of an event behind one that failed does not count.
                if rng.random() < 0.5:
                    refused[number] = Refused("behind", park=rng.random() < 0.3)
            elif number >= end:
                refused[number] = Refused("not now", delay=rng.choice([None, rng.randint(0, 10_000)]), counts=False)
                failed.add(event.stream)
            elif rng.random() < failing:
                refused[number] = self._refuse(event)
                failed.add(event.stream)
            else:
                self._handle(event)
        if end < len(events):
            self.world.faults["a target had no time for some events"] += 1
        if refused:
            self.world.faults["a target refused some events"] += 1
            self.world.note(f"{self.address} refuses {refused}")
        return Answer(refused)

    def _refuse(self, event: Event) -> Refused:
        rng = self.world.rng
        delay = rng.randint(0, 20_000) if rng.random() < 0.4 else None
        refused = Refused("no", delay, park=rng.random() < 0.1)
        self.durable.fail(event.stream, event.sequence, park=refused.park)
        return refused

    def _handle(self, event: Event) -> None:
        self.world.figures["events handled by targets"] += 1
        self.durable.handle(self.address, event, may_precede_report=True)

    def _check(self, events: Sequence[Event], attempts: Sequence[int]) -> None:
        if not 1 <= len(events) <= self.batch:
            text = f"{self.address}: {len(events)} events, and not 1 to {self.batch}"
            raise Violation("a call has as many events as the target takes", text, self.durable.about)
        for event, attempt in zip(events, attempts, strict=True):
            tries = self.durable.tries_of(event.stream, event.sequence)
            # In a round, the second attempt means that some of its events may have been pushed before.
            if attempt > max(2, 1 + tries):
                place = f"{event.stream} {event.sequence}"
                text = f"{self.address}: {place} comes as attempt {attempt}, and was tried {tries} times"
                raise Violation("attempts count per event", text, event.stream, self.durable.about)
