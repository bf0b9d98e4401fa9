"""The end of a run: nothing strikes any more, and every client must come to the end of what it is owed."""

from __future__ import annotations

import asyncio
from functools import partial
from random import Random
from typing import TYPE_CHECKING, TypeVar

import aiohttp

from tests.chaos.server.loose import NAME as LOOSE
from tests.chaos.server.renewal import Renewal
from tests.transcripts.outcomes import NoAnswer, Refused
from tests.transcripts.plan import Batch, marker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tests.chaos.server.clients import Clients
    from tests.chaos.server.doors import Described, Door
    from tests.chaos.server.knowledge import Knowledge
    from tests.chaos.server.plan import ChaosPlan
    from tests.chaos.server.publishing import Publishing
    from tests.chaos.server.rest_door import RestDoor
    from tests.chaos.server.servers import ChaosServers
    from tests.transcripts.clock import Clock
    from tests.transcripts.content import Where

__all__ = ["Ending", "insist"]

_AGAIN_AFTER = 0.3
_POLLED_EVERY = 0.25
_SWEPT_EVERY = 3.0
_RULES = {"ack_deadline": 6, "max_attempts": 3, "max_in_flight": 50}
_UNLIMITED_RATE = 1000.0
_EXCUSED = frozenset({"stream-not-found", "stream-gone", "nothing-parked"})

T = TypeVar("T")


class Ending:
    """The end of a run.

    Attributes:
        stage: What it waits for.
    """

    def __init__(
        self,
        hub: ChaosServers,
        plan: ChaosPlan,
        *,
        clients: Clients,
        publishing: Publishing,
        knowledge: Knowledge,
        doors: tuple[RestDoor, Door],
        clock: Clock,
        seed: int,
    ) -> None:
        self.stage = ""
        self._hub = hub
        self._plan = plan
        self._clients = clients
        self._publishing = publishing
        self._knowledge = knowledge
        self._doors: Sequence[Door] = doors
        self._rest = doors[0]
        self._clock = clock
        self._random = Random(f"{seed} ending")

    async def come(self) -> None:
        """Return when every client has come to the end."""
        steps: Sequence[tuple[str, Callable[[], Awaitable[None]]]] = (
            ("ending what changes by itself", self._quiet),
            ("waiting until everyone is subscribed", self._subscribed),
            ("publishing markers", self._mark),
            ("waiting until everyone has caught up", self._caught_up),
            ("waiting until all is handled or parked", partial(self._settled, unparked=False)),
            ("redriving", self._redriven),
            ("replaying the loose subscription", self._replayed),
            ("reading over all doors", self._read_all),
        )
        for self.stage, step in steps:
            await step()

    async def renew(self) -> None:
        """Renew the epoch, once the clients of the run have left: who is subscribed must receive all events again."""
        self.stage = "renewing the epoch"
        renewal = Renewal(self._hub, self._kept, clock=self._clock)
        self._knowledge.wrong += await renewal.pass_by(self._renew, self._knowledge.events.keys)

    async def _renew(self) -> None:
        # Once: where the call is not answered, some partitions may be renewed, and would be again.
        await self._rest.call("POST", "epoch")
        last = [{**marker(stream), "id": f"renewed-{stream}"} for stream in self._plan.ends]
        batches = [Batch(stream, (event,), socket=False) for stream, event in zip(self._plan.ends, last, strict=True)]
        await self._publishing.publish(batches, _UNLIMITED_RATE, lambda _: None)

    @property
    def _kept(self) -> Sequence[str]:
        """The streams that keep their events."""
        return [*self._plan.plan.streams, *self._plan.ends]

    @property
    def _open(self) -> Sequence[str]:
        """The streams that lose events, and were not deleted permanently."""
        return [one for one in self._plan.brief if one not in self._knowledge.gone]

    async def _quiet(self) -> None:
        await self._hub.all_resumed()
        for stream in self._plan.brief:
            await self._ask(partial(_unlimited, stream))
        self._clients.loose.healed = True
        await self._ask(lambda door: door.create_subscription(LOOSE, (), "start", _RULES), "subscription-conflict")
        await self._ask(lambda door: door.change_subscription(LOOSE, _RULES, [], ""))
        await self._ask(lambda door: door.redrive(LOOSE, None, "drop"))

    async def _subscribed(self) -> None:
        await asyncio.gather(*(one.subscriber.subscribed.wait() for one in self._clients.staying))

    async def _mark(self) -> None:
        """Publish a last event to every stream, those that are the last of their partition at the end."""
        for names in ([*self._plan.plan.streams, *self._open], self._plan.ends):
            markers = [Batch(stream, (marker(stream),), socket=False) for stream in names]
            await self._publishing.publish(markers, _UNLIMITED_RATE, lambda _: None)

    async def _caught_up(self) -> None:
        while not all(one.caught_up for one in self._clients.staying):
            self._clients.news.clear()
            try:
                await asyncio.wait_for(self._clients.news.wait(), _SWEPT_EVERY)
            except TimeoutError:
                await self._hub.fire_sweep()

    async def _redriven(self) -> None:
        for consumer in self._clients.consumers:
            await consumer.progress.redrive()
        await self._settled(unparked=True)

    async def _settled(self, *, unparked: bool) -> None:
        published = self._knowledge.events.keys()
        for consumer in self._clients.consumers:
            await self._polled(partial(consumer.progress.settled, published, unparked=unparked))

    async def _replayed(self) -> None:
        """Replay the loose subscription from the start; every event that is kept must be handled again."""
        places: list[Where] = []
        for stream in [*self._kept, *self._open]:
            described = await self._ask(partial(_described, stream))
            figures = {"first": 1, "head": 0} if described is None else described.figures
            places += [(stream, sequence) for sequence in range(figures["first"], figures["head"] + 1)]
        since = self._clock.now()
        await self._ask(lambda door: door.replay(LOOSE, "start"))

        async def finished() -> bool:
            missing = self._clients.loose.missing(places, since)
            if missing:
                described = await self._ask(lambda door: door.describe_subscription(LOOSE))
                self.stage = f"replaying: {len(missing)} of {len(places)} missing, such as {missing[0]}; {described}"
            return not missing

        await self._polled(finished)

    async def _read_all(self) -> None:
        """Every stream reads the same over REST and gRPC, and has what was published."""
        for stream in self._kept:
            due = self._knowledge.due(stream=stream)
            read = [await insist(partial(door.read, stream, 1)) for door in self._doors]
            for door, events in zip(self._doors, read, strict=True):
                self._knowledge.check(f"the end of {stream} over {door.name}", due, events, first=1)
            if read[0] != read[1]:
                self._knowledge.wrong.append(f"{stream} reads otherwise over REST than over gRPC")
        searched = [await insist(partial(door.search, ())) for door in self._doors]
        if searched[0] != searched[1]:
            self._knowledge.wrong.append("a search for all events differs between REST and gRPC")
        self._knowledge.check("a search for all events", self._knowledge.due(), searched[0])

    async def _polled(self, holds: Callable[[], Awaitable[bool]]) -> None:
        waited = 0.0
        while not await holds():
            await asyncio.sleep(_POLLED_EVERY)
            waited += _POLLED_EVERY
            if waited >= _SWEPT_EVERY:
                waited = 0.0
                await self._hub.fire_sweep()

    async def _ask(self, call: Callable[[Door], Awaitable[T]], *excused: str) -> T | None:
        """Call the hub until it answers; `None` if a stream is not there, and nothing parked."""
        while True:
            try:
                return await call(self._random.choice(self._doors))
            except NoAnswer:
                await asyncio.sleep(_AGAIN_AFTER)
            except Refused as refused:
                if refused.code not in _EXCUSED and refused.code not in excused:
                    raise
                return None


async def insist(call: Callable[[], Awaitable[T]]) -> T:
    """Make a call again until it is answered."""
    while True:
        try:
            return await call()
        except (NoAnswer, OSError, aiohttp.ClientError):
            await asyncio.sleep(_AGAIN_AFTER)


async def _unlimited(stream: str, door: Door) -> None:
    await door.change_stream(stream, 0, 0, None)


async def _described(stream: str, door: Door) -> Described:
    return await door.describe_stream(stream)
