"""A scenario of publishers, subscribers and faults against a hub, recorded for the checker."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain
from random import Random
from typing import TYPE_CHECKING

import aiohttp

from tests.transcripts.clock import Clock
from tests.transcripts.contents import contents
from tests.transcripts.follower import Follower
from tests.transcripts.lines import socket_dial
from tests.transcripts.orders import Order
from tests.transcripts.plan import Batch, Guest, Plan, Strike, What, marker, planned
from tests.transcripts.publisher import Publisher, RestRoute, Route, SocketRoute
from tests.transcripts.subscriber import RecordingSubscriber
from tests.transcripts.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

    from tests.transcripts.controls import HubControls
    from tests.transcripts.transcript import Publish

__all__ = [
    "FUNCTIONS",
    "PUSH_FUNCTION",
    "Publishers",
    "SoakTimeout",
    "Striker",
    "publishing_to",
    "recorded_so_far",
    "soak",
]

FUNCTIONS = ("RestFunction", "WebSocketFunction", "DispatchFunction", "DeliverFunction")
PUSH_FUNCTION = "PushFunction"
"""Calls the targets of durable subscriptions."""

_PATIENCE = 30.0
"""How many seconds the store may take to be read when the scenario did not end in time."""


class SoakTimeout(Exception):
    """The scenario did not end in time; the message says what each client waits for.

    Attributes:
        transcript: What was recorded by then, in which nobody counts as caught up; `None` if the store cannot be read.
    """

    def __init__(self, message: str, transcript: Transcript | None) -> None:
        super().__init__(message)
        self.transcript = transcript


async def soak(
    hub: HubControls,
    *,
    seed: int,
    events: int = 10_000,
    subscribers: int = 50,
    streams: int = 200,
    rest_publishers: int = 4,
    socket_publishers: int = 2,
    processes: Sequence[str] = FUNCTIONS,
    kills: int = 20,
    pauses: int = 0,
    restarts: int = 2,
    sweeps: int = 5,
    longest_pause: float = 2.0,
    sweep_every: float = 5.0,
    deadline: float = 600.0,
) -> Transcript:
    """Run the scenario of a seed until every publish is answered and every subscriber has caught up.

    In the end every stream gets a marker, which every subscription wants: who has them all, and is live everywhere, has
    caught up. While waiting for that, the sweep runs again and again, for it finds lost wake-ups.

    There must be at least one publisher of each kind. Subscribers lag or are away for `longest_pause` seconds at most.

    Raises:
        SoakTimeout: It did not end in `deadline` seconds; the transcript is of what happened by then.
        ExceptionGroup: A request was refused as wrong, or a control failed.
    """
    print(f"soak: seed {seed}, {events} events, {subscribers} subscribers", flush=True)
    plan = planned(
        seed,
        events=events,
        subscribers=subscribers,
        streams=streams,
        processes=processes,
        kills=kills,
        pauses=pauses,
        restarts=restarts,
        sweeps=sweeps,
        longest_pause=longest_pause,
    )
    async with publishing_to(hub, rest_publishers, socket_publishers, clock := Clock(), seed) as publishers:
        run = _Run(hub, plan, publishers, clock, seed, sweep_every=sweep_every)
        try:
            async with asyncio.timeout(deadline):
                await run.played()
        except TimeoutError as error:
            message = f"the soak of seed {seed} did not end in {deadline} s\n{run.state}"
            raise SoakTimeout(message, await recorded_so_far(run.recorded())) from error
        return await run.recorded()


async def recorded_so_far(recording: Awaitable[Transcript]) -> Transcript | None:
    """What was recorded when a scenario did not end in time; `None` if the store cannot be read."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return await recording
    except (aiohttp.ClientError, OSError, TimeoutError):
        return None


@dataclass(frozen=True, slots=True)
class Publishers:
    """The publishers of a scenario, by transport."""

    rest: Sequence[Publisher]
    socket: Sequence[Publisher]

    @property
    def all(self) -> Sequence[Publisher]:
        return [*self.rest, *self.socket]

    @property
    def recorded(self) -> tuple[Publish, ...]:
        """What they published, in the order in which it began."""
        publishes = chain.from_iterable(publisher.publishes for publisher in self.all)
        return tuple(sorted(publishes, key=lambda publish: publish.begun))

    async def publish(self, batches: Sequence[Batch], after: Callable[[int], object]) -> None:
        """Publish batches, each by the next publisher of its transport that is free.

        Args:
            after: Called after each batch, with the number of its events.

        Raises:
            ExceptionGroup: A request was refused as wrong.
        """
        async with asyncio.TaskGroup() as publishing:
            for publishers, socket in ((self.rest, False), (self.socket, True)):
                left = deque(batch for batch in batches if batch.socket is socket)
                for publisher in publishers:
                    publishing.create_task(_publish(publisher, left, after))


async def _publish(publisher: Publisher, batches: deque[Batch], after: Callable[[int], object]) -> None:
    while batches:
        batch = batches.popleft()
        await publisher.publish(batch.events, batch.stream)
        after(len(batch.events))


class Striker:
    """Strikes the hub with planned faults, one after the other."""

    def __init__(self, hub: HubControls) -> None:
        self._hub = hub
        self._striking = asyncio.Lock()

    async def strike(self, fault: Strike) -> None:
        """Strike the hub, when the earlier faults have struck."""
        async with self._striking:
            match fault.what:
                case What.KILL:
                    await self._hub.kill(fault.process)
                case What.PAUSE:
                    await self._hub.pause(fault.process)
                case What.CACHE:
                    await self._hub.restart_cache()
                case What.SWEEP:
                    await self._hub.fire_sweep()


@asynccontextmanager
async def publishing_to(hub: HubControls, rest: int, socket: int, clock: Clock, seed: int) -> AsyncIterator[Publishers]:
    """Create a number of publishers of each kind; close them after the block."""

    def publisher(name: str, route: Route) -> Publisher:
        return Publisher(name, route, clock=clock, random=Random(f"{seed} {name}"))

    made = Publishers(
        [publisher(f"rest-{number}", RestRoute(lambda: hub.rest_url)) for number in range(1, rest + 1)],
        [publisher(f"socket-{number}", SocketRoute(lambda: hub.ws_url)) for number in range(1, socket + 1)],
    )
    try:
        yield made
    finally:
        for created in made.all:
            await created.close()


class _Run:
    def __init__(
        self, hub: HubControls, plan: Plan, publishers: Publishers, clock: Clock, seed: int, *, sweep_every: float
    ) -> None:
        self._hub = hub
        self._plan = plan
        self._publishers = publishers
        self._seed = seed
        self._sweep_every = sweep_every
        self._news = asyncio.Event()
        self._done = 0
        self._stage = "publishing"
        self._striker = Striker(hub)
        self.followers = [self._follower(guest, clock) for guest in plan.guests]
        self._due = deque(sorted(self._actions(), key=lambda action: action[0]))

    @property
    def state(self) -> str:
        """What each client waits for, for error messages."""
        total = self._plan.events + len(self._plan.streams)
        waiting = [follower.state for follower in self.followers if not follower.leaves and not follower.caught_up]
        lines = [
            f"{self._stage}: {self._done} of {total} events and markers answered; {len(waiting)} subscribers wait",
            *waiting,
        ]
        return "\n  ".join(lines)

    async def recorded(self) -> Transcript:
        """The recorded transcript, with the current content of the store."""
        for follower in self.followers:
            follower.subscriber.finish(caught_up=False)
        return Transcript(
            publishes=self._publishers.recorded,
            streams=await contents(self._hub.rest_url, self._plan.streams),
            subscribers=tuple(recorded for follower in self.followers for recorded in follower.subscriber.recorded),
            seed=self._seed,
        )

    async def played(self) -> None:
        """Run the scenario to its end."""
        async with asyncio.TaskGroup() as guests:
            await self._publish(self._plan.batches, guests)
            staying = [follower for follower in self.followers if not follower.leaves]
            self._stage = "waiting until everyone is subscribed"
            await asyncio.gather(*(follower.subscriber.subscribed.wait() for follower in staying))
            self._stage = "publishing markers"
            markers = [Batch(stream, (marker(stream),), socket=False) for stream in self._plan.streams]
            await self._publish(markers, guests)
            self._stage = "waiting until everyone has caught up"
            await self._caught_up(staying)
            for follower in staying:
                follower.subscriber.enqueue(Order.leave())

    async def _publish(self, batches: Sequence[Batch], guests: asyncio.TaskGroup) -> None:
        """Publish, with all that is due meanwhile; wait until the faults have struck."""
        async with asyncio.TaskGroup() as striking:
            self._advance(0, guests, striking)
            await self._publishers.publish(batches, lambda count: self._advance(count, guests, striking))

    def _follower(self, guest: Guest, clock: Clock) -> Follower:
        random = Random(f"{self._seed} {guest.name}")
        streams = self._plan.streams
        dial = socket_dial(lambda: self._hub.ws_url)
        return Follower(guest, dial, streams, clock=clock, random=random, news=self._news)

    def _advance(self, count: int, guests: asyncio.TaskGroup, striking: asyncio.TaskGroup) -> None:
        """Start every order that is due after further events."""
        self._done += count
        while self._due and self._due[0][0] <= self._done:
            match self._due.popleft()[1]:
                case Strike() as fault:
                    striking.create_task(self._striker.strike(fault))
                case Follower() as follower:
                    guests.create_task(follower.run())
                case (RecordingSubscriber() as subscriber, Order() as order):
                    subscriber.enqueue(order)

    def _actions(self) -> Iterator[tuple[int, Strike | Follower | tuple[RecordingSubscriber, Order]]]:
        for fault in self._plan.strikes:
            yield fault.at, fault
        for follower in self.followers:
            yield follower.guest.joins, follower
            for at, order in follower.guest.orders:
                yield at, (follower.subscriber, order)

    async def _caught_up(self, followers: Sequence[Follower]) -> None:
        while not all(follower.caught_up for follower in followers):
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), self._sweep_every)
            except TimeoutError:
                await self._hub.fire_sweep()
