"""A recorded scenario of durable subscriptions whose members and targets misbehave, with faults of the hub."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Protocol

from tests.transcripts.clock import Clock
from tests.transcripts.contents import contents
from tests.transcripts.plan import planned
from tests.transcripts.soak import FUNCTIONS, SoakTimeout, Striker, publishing_to, recorded_so_far
from tests.transcripts.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from tests.transcripts.content import Where
    from tests.transcripts.controls import GroupHub
    from tests.transcripts.membership import Group
    from tests.transcripts.plan import Plan, Strike
    from tests.transcripts.progress import Progress
    from tests.transcripts.soak import Publishers

__all__ = ["Consumer", "ConsumerSettings", "group_soak"]

_POLLED_EVERY = 0.25


class Consumer(Protocol):
    """A durable subscription, and what handles its events."""

    progress: Progress

    @property
    def state(self) -> str:
        """What it does, for error messages."""

    async def create(self) -> None:
        """Create the durable subscription."""

    async def run(self) -> None:
        """Handle events until ordered to leave."""

    def actions(self) -> Iterator[tuple[int, Callable[[], object]]]:
        """Orders to itself, and after how many events they are given."""

    def leave(self) -> None:
        """Order it to leave."""

    def recorded(self, *, finished: bool) -> Group:
        """What was recorded."""


class ConsumerSettings(Protocol):
    """The settings of a consumer."""

    def group(self, hub: GroupHub, plan: Plan, *, clock: Clock, seed: int) -> Consumer:
        """The consumer of a scenario."""


async def group_soak(
    hub: GroupHub,
    *settings: ConsumerSettings,
    seed: int,
    events: int = 5_000,
    streams: int = 150,
    processes: Sequence[str] = FUNCTIONS,
    kills: int = 10,
    pauses: int = 0,
    restarts: int = 1,
    rest_publishers: int = 3,
    socket_publishers: int = 1,
    sweep_every: float = 2.0,
    deadline: float = 600.0,
) -> Transcript:
    """Run the scenario of a seed until every event is handled or parked; then heal, redrive, and wait until all is.

    Args:
        settings: The durable subscriptions, each to all events.

    Raises:
        SoakTimeout: It did not end in `deadline` seconds; the transcript is of what happened by then.
        ExceptionGroup: A request was refused as wrong, or a control failed.
    """
    print(f"group soak: seed {seed}, {events} events", flush=True)
    plan = planned(
        seed,
        events=events,
        subscribers=0,
        streams=streams,
        processes=processes,
        kills=kills,
        pauses=pauses,
        restarts=restarts,
        sweeps=0,
        longest_pause=0.0,
    )
    clock = Clock()
    consumers = [one.group(hub, plan, clock=clock, seed=seed) for one in settings]
    for consumer in consumers:
        await consumer.create()
    async with publishing_to(hub, rest_publishers, socket_publishers, clock, seed) as publishers:
        run = _Run(hub, plan, consumers, publishers, seed=seed, sweep_every=sweep_every)
        try:
            async with asyncio.timeout(deadline):
                await run.played()
        except TimeoutError as error:
            message = f"the soak of seed {seed} did not end in {deadline} s\n  {run.state}"
            raise SoakTimeout(message, await recorded_so_far(run.recorded(finished=False))) from error
        return await run.recorded(finished=True)


class _Run:
    def __init__(
        self,
        hub: GroupHub,
        plan: Plan,
        consumers: Sequence[Consumer],
        publishers: Publishers,
        *,
        seed: int,
        sweep_every: float,
    ) -> None:
        self._hub = hub
        self._plan = plan
        self._consumers = consumers
        self._publishers = publishers
        self._seed = seed
        self._sweep_every = sweep_every
        self._published = 0
        self._stage = "publishing"
        self._striker = Striker(hub)

    @property
    def state(self) -> str:
        """What each consumer waits for, for error messages."""
        lines = [f"{self._stage}: {self._published} published"]
        answered = self._answered()
        for consumer in self._consumers:
            missing = consumer.progress.missing(answered)
            lines += [f"{consumer.progress.name}: {len(missing)} neither handled nor parked: {missing[:5]}"]
            lines += [consumer.state]
        return "\n  ".join(lines)

    async def recorded(self, *, finished: bool) -> Transcript:
        """The recorded transcript, with the current content of the store."""
        return Transcript(
            publishes=self._publishers.recorded,
            streams=await contents(self._hub.rest_url, self._plan.streams),
            subscribers=(),
            seed=self._seed,
            groups=tuple(consumer.recorded(finished=finished) for consumer in self._consumers),
        )

    async def played(self) -> None:
        """Run the scenario to its end."""
        async with asyncio.TaskGroup() as consuming:
            for consumer in self._consumers:
                consuming.create_task(consumer.run())
            await self._publish()
            self._stage = "waiting until all is handled or parked"
            await self._settled(unparked=False)
            self._stage = "redriving"
            for consumer in self._consumers:
                await consumer.progress.redrive()
            await self._settled(unparked=True)
            for consumer in self._consumers:
                consumer.leave()

    async def _publish(self) -> None:
        async with asyncio.TaskGroup() as striking:
            due = deque(sorted(self._actions(striking), key=lambda action: action[0]))

            def advance(count: int) -> None:
                self._published += count
                while due and due[0][0] <= self._published:
                    due.popleft()[1]()

            await self._publishers.publish(self._plan.batches, advance)

    def _actions(self, striking: asyncio.TaskGroup) -> Iterator[tuple[int, Callable[[], object]]]:
        for fault in self._plan.strikes:
            yield fault.at, partial(self._start, striking, fault)
        for consumer in self._consumers:
            yield from consumer.actions()

    def _start(self, striking: asyncio.TaskGroup, fault: Strike) -> None:
        striking.create_task(self._striker.strike(fault))

    def _answered(self) -> AbstractSet[Where]:
        return {
            (result.stream, result.sequence)
            for publisher in self._publishers.all
            for publish in publisher.publishes
            for result in publish.results
        }

    async def _settled(self, *, unparked: bool) -> None:
        """Wait until every event is handled or parked with its letters, or until none is parked."""
        answered = self._answered()
        waited = 0.0
        for consumer in self._consumers:
            while not await consumer.progress.settled(answered, unparked=unparked):
                await asyncio.sleep(_POLLED_EVERY)
                waited += _POLLED_EVERY
                if waited >= self._sweep_every:
                    waited = 0.0
                    await self._hub.fire_sweep()
