"""A durable subscription of a scenario whose events are pushed to a target that misbehaves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from tests.transcripts.bindings import Mishap, drawn_mishaps
from tests.transcripts.calls import Absence, Target
from tests.transcripts.content import key
from tests.transcripts.progress import ACK_DEADLINE, Progress
from tests.transcripts.target import RecordingTarget
from tests.transcripts.target_server import TargetServer
from tests.transcripts.troubles import drawn, moments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.ports import ReservedPort
    from tests.transcripts.bindings import Binding
    from tests.transcripts.clock import Clock
    from tests.transcripts.controls import GroupHub
    from tests.transcripts.membership import Group
    from tests.transcripts.plan import Plan
    from tests.transcripts.transcript import Json

__all__ = ["TargetGroup", "TargetSettings"]

_SHORTEST = 1 / 3
"""The shortest period, as a share of the longest."""
_TOO_LATE = 0.5
"""For how many seconds longer than the deadline the longest calls take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSettings:
    """A target of a scenario, and its troubles.

    Attributes:
        binding: How it is called.
        port: Where it is called.
        poisoned: The share of events that cannot be handled.
        failing: The share of tries that fail all the same.
        mishaps: The share of calls in which something goes wrong.
        slow: How many events take half of `ack_deadline` when they are tried first.
        late: How many events take longer than `ack_deadline` then.
        absences: How often it vanishes, to come back after `longest_pause` seconds at most.
        refuses: Whether connections are refused meanwhile. Otherwise it answers that it cannot work.
        throttles: How often it asks in every call to slow down, until `longest_throttle` seconds have passed at most:
            the same events meet with it several times.
        wanted: The part of the definition that selects events: `filters`.
    """

    binding: Binding
    port: ReservedPort
    poisoned: float = 0.01
    failing: float = 0.01
    mishaps: float = 0.08
    slow: int = 4
    late: int = 1
    absences: int = 2
    longest_pause: float = 3.0
    refuses: bool = False
    throttles: int = 2
    longest_throttle: float = 5.0
    wanted: Json = field(default_factory=dict)

    def group(self, hub: GroupHub, plan: Plan, *, clock: Clock, seed: int) -> TargetGroup:
        """The group of a scenario."""
        return TargetGroup(self, hub, plan, clock=clock, seed=seed)


@dataclass(frozen=True, slots=True)
class _Period:
    """A period in which no call succeeds, after a number of events.

    Attributes:
        seconds: How long it lasts from the first call on; without a mishap, from its beginning.
        mishap: What goes wrong in each call; connections are refused if `None`.
    """

    at: int
    seconds: float
    mishap: Mishap | None


class TargetGroup:
    """See `tests.transcripts.group_soak.Consumer`."""

    def __init__(self, about: TargetSettings, hub: GroupHub, plan: Plan, *, clock: Clock, seed: int) -> None:
        self._about = about
        self._name = about.binding.name
        self._hub = hub
        self._clock = clock
        self.progress = Progress(
            hub, self._name, clock=clock, random=Random(f"{seed} {self._name} redrive"), wanted=about.wanted
        )
        random = Random(f"{seed} {self._name} troubles")
        self._troubles = drawn(
            random, plan, poisoned=about.poisoned, failing=about.failing, slow=about.slow + about.late
        )
        slow = self._troubles.slow
        self._seconds = dict.fromkeys(slow[: about.slow], ACK_DEADLINE / 2)
        self._seconds |= dict.fromkeys(slow[about.slow :], ACK_DEADLINE + _TOO_LATE)
        self._periods = list(_periods(random, plan, about))
        random = Random(f"{seed} {self._name}")
        self._drawn = drawn_mishaps(random, about.mishaps)
        self._target = self._recording(random)
        self._server = TargetServer(about.port, self._target.serve)
        self._absences: list[Absence] = []
        self._ordered: asyncio.Queue[_Period] = asyncio.Queue()
        self._left = asyncio.Event()
        self._current: Mishap | None = None
        self._met = asyncio.Event()
        """Set when a call has met with the current mishap."""

    @property
    def state(self) -> str:
        """How the target answered last."""
        calls = self._target.calls
        return f"{self._name}: {len(calls)} calls, the last {calls[-1].reply if calls else 'never'}"

    async def create(self) -> None:
        """Create the durable subscription."""
        await self.progress.create(self._about.binding.definition(self._about.port.url))

    async def run(self) -> None:
        """Serve calls until ordered to leave, and vanish or throttle when ordered to."""
        await self._server.open()
        try:
            async with asyncio.TaskGroup() as passing:
                periods = passing.create_task(self._pass_all())
                await self._left.wait()
                # Nobody calls the target any more, so a period that waits for a call would never end.
                periods.cancel()
        finally:
            await self._server.close()

    def actions(self) -> Iterator[tuple[int, Callable[[], object]]]:
        """The orders to vanish or throttle, and after how many events they are given."""
        for period in self._periods:
            yield period.at, partial(self._ordered.put_nowait, period)

    def leave(self) -> None:
        """Order the target to stop."""
        self._left.set()

    def recorded(self, *, finished: bool) -> Group:
        """What was recorded."""
        calls, absences = tuple(self._target.calls), tuple(self._absences)
        target = Target(batch=self._about.binding.batch, calls=calls, absences=absences)
        return self.progress.group(finished=finished, target=target)

    def _recording(self, random: Random) -> RecordingTarget:
        def fails(event: Json) -> bool:
            return self._troubles.fails(random, event, healed=self.progress.healed)

        return RecordingTarget(
            self._about.binding,
            clock=self._clock,
            random=random,
            fails=fails,
            handle=self.progress.handle,
            seconds=lambda event: self._seconds.pop(key(event), 0.0),
            mishap=self._mishap,
            kill=lambda port: self._hub.kill_caller(port),  # noqa: PLW0108 - tests have no hub
        )

    def _mishap(self) -> Mishap | None:
        """What goes wrong in a call: what the current period says, else what is drawn."""
        if self._current is not None:
            self._met.set()
            return self._current
        mishap = next(self._drawn)
        return None if self.progress.healed else mishap

    async def _pass_all(self) -> None:
        while True:
            period = await self._ordered.get()
            if period.mishap is None:
                await self._vanish(period.seconds)
            else:
                await self._repeat(period.mishap, period.seconds)

    async def _repeat(self, mishap: Mishap, seconds: float) -> None:
        self._met.clear()
        self._current = mishap
        await self._met.wait()
        await asyncio.sleep(seconds)
        self._current = None

    async def _vanish(self, seconds: float) -> None:
        since = self._clock.now()
        try:
            await self._server.close()
            await asyncio.sleep(seconds)
            await self._server.open()
        finally:
            self._absences.append(Absence(since, self._clock.now()))


def _periods(random: Random, plan: Plan, about: TargetSettings) -> Iterator[_Period]:
    for at in moments(random, plan, about.absences):
        mishap = None if about.refuses else Mishap.UNAVAILABLE
        yield _Period(at, random.uniform(_SHORTEST, 1) * about.longest_pause, mishap)
    for at in moments(random, plan, about.throttles):
        yield _Period(at, random.uniform(_SHORTEST, 1) * about.longest_throttle, Mishap.THROTTLED)
