"""A run: publishers, clients, operators and faults at the same time; then quiet, and the end."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from tests.chaos.server.clients import Clients
from tests.chaos.server.ending import Ending, insist
from tests.chaos.server.grpc_door import GrpcDoor
from tests.chaos.server.knowledge import Knowledge
from tests.chaos.server.operators import Operators
from tests.chaos.server.plan import chaos_plan
from tests.chaos.server.publishing import publishing_over
from tests.chaos.server.rest_door import RestDoor
from tests.chaos.server.servers import ChaosJournal
from tests.transcripts.clock import Clock
from tests.transcripts.contents import contents
from tests.transcripts.soak import Striker
from tests.transcripts.tasks import leaves
from tests.transcripts.transcript import Publish, Result, StoredStream, Transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from tests.chaos.server.plan import ChaosPlan
    from tests.chaos.server.publishing import Publishing
    from tests.chaos.server.servers import ChaosServers
    from tests.ports import ReservedPort

__all__ = ["Outcome", "run"]

_RENEWED_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has shown.

    Attributes:
        wrong: What operators and readers found.
        done: How often each operation was done, and how it was refused.
        unfinished: Why it did not come to its end; empty if it did.
    """

    transcript: Transcript
    wrong: Sequence[str]
    done: Counter[str]
    unfinished: str = ""


async def run(hub: ChaosServers, port: ReservedPort, *, seed: int, seconds: float, deadline: float) -> Outcome:
    """Run the plan of a seed.

    Args:
        port: Of the target.
        seconds: How long publishing takes.
        deadline: Seconds after which the run is ended; its outcome says what it waited for.
    """
    clock = Clock()
    plan = chaos_plan(seed, seconds, has_journal=isinstance(hub, ChaosJournal))
    knowledge = Knowledge(frozenset(plan.brief))
    rest, grpc = RestDoor(lambda: hub.rest_url), GrpcDoor(lambda: hub.grpc)
    try:
        async with publishing_over(hub, knowledge, clock=clock, seed=seed) as publishing:
            whole = _Run(
                hub,
                plan,
                publishing=publishing,
                clients=Clients(hub, plan, clock=clock, seed=seed, port=port),
                knowledge=knowledge,
                doors=(rest, grpc),
                clock=clock,
                seed=seed,
            )
            unfinished = ""
            try:
                async with asyncio.timeout(deadline):
                    await whole.played()
            except TimeoutError:
                unfinished = f"it did not end in {deadline} s: {whole.state}"
            except ExceptionGroup as failed:
                unfinished = f"it failed: {'; '.join(map(repr, leaves(failed)))}\n  {whole.state}"
            outcome = await whole.outcome(unfinished)
            if not unfinished:
                await whole.renew()
            return outcome
    finally:
        await rest.close()
        await grpc.close()


class _Run:
    def __init__(
        self,
        hub: ChaosServers,
        plan: ChaosPlan,
        *,
        publishing: Publishing,
        clients: Clients,
        knowledge: Knowledge,
        doors: tuple[RestDoor, GrpcDoor],
        clock: Clock,
        seed: int,
    ) -> None:
        self._hub = hub
        self._plan = plan
        self._publishing = publishing
        self._clients = clients
        self._knowledge = knowledge
        self._seed = seed
        self._done: Counter[str] = Counter()
        random = Random(f"{seed} operators")
        self._operators = Operators(doors[0], doors, knowledge, random, clock.now, self._done)
        self._striker = Striker(hub)
        self._ending = Ending(
            hub,
            plan,
            clients=clients,
            publishing=publishing,
            knowledge=knowledge,
            doors=doors,
            clock=clock,
            seed=seed,
        )
        self._published = 0

    @property
    def state(self) -> str:
        """What it waits for."""
        published = f"{self._published} of {self._plan.plan.events} published"
        return f"{self._ending.stage or 'publishing'}: {published}\n  {self._clients.state}"

    async def outcome(self, unfinished: str) -> Outcome:
        """What was recorded, with the content of the store."""
        if unfinished:
            for follower in self._clients.followers:
                follower.subscriber.finish(caught_up=False)
        names = [*self._plan.plan.streams, *self._plan.ends, *self._plan.brief]
        stored = await insist(lambda: contents(self._hub.rest_url, names))
        publishes = self._publishes()
        transcript = Transcript(
            publishes=publishes,
            streams=(*stored, *self._gone(publishes, {one.stream for one in stored})),
            subscribers=tuple(one for follower in self._clients.followers for one in follower.subscriber.recorded),
            seed=self._seed,
            groups=tuple(one.recorded(finished=not unfinished) for one in self._clients.consumers),
        )
        return Outcome(transcript, self._knowledge.wrong, self._done, unfinished)

    async def played(self) -> None:
        """Run the plan to its end."""
        for consumer in self._clients.consumers:
            await consumer.create()
        async with asyncio.TaskGroup() as attending:
            for consumer in self._clients.consumers:
                attending.create_task(consumer.run())
            attending.create_task(self._clients.loose.run())
            await self._trouble(attending)
            await self._ending.come()
            self._clients.leave()

    async def renew(self) -> None:
        """Renew the epoch, once everything else is recorded."""
        try:
            async with asyncio.timeout(_RENEWED_WITHIN):
                await self._ending.renew()
        except TimeoutError:
            self._knowledge.wrong.append(f"after a new epoch, not every subscriber received all in {_RENEWED_WITHIN} s")

    async def _trouble(self, attending: asyncio.TaskGroup) -> None:
        """Publish, with all that is due meanwhile; wait until the faults have struck and the operators are done."""
        async with asyncio.TaskGroup() as meanwhile:
            due = deque(sorted(self._actions(attending, meanwhile), key=lambda action: action[0]))

            def advance(count: int) -> None:
                self._published += count
                while due and due[0][0] <= self._published:
                    due.popleft()[1]()

            advance(0)
            await self._publishing.publish(self._plan.plan.batches, self._plan.rate, advance)

    def _actions(
        self, attending: asyncio.TaskGroup, meanwhile: asyncio.TaskGroup
    ) -> Iterator[tuple[int, Callable[[], object]]]:
        def begin(started: Callable[[], Coroutine[Any, Any, None]]) -> None:
            meanwhile.create_task(started())

        for fault in self._plan.plan.strikes:
            yield fault.at, partial(begin, partial(self._striker.strike, fault))
        for at, name in self._plan.operations:
            yield at, partial(begin, partial(self._operators.run, name))
        for at, number, order in self._plan.comings:
            yield at, partial(self._clients.loose.order, number, order)
        yield from self._clients.actions(attending)

    def _publishes(self) -> tuple[Publish, ...]:
        own = [publish for publisher in self._publishing.publishers.values() for publish in publisher.publishes]
        for begun, answered, stream, event, results in self._operators.publishes:
            named = tuple(Result(**result) for result in results)
            own.append(
                Publish(
                    publisher="operator", begun=begun, answered=answered, events=(event,), stream=stream, results=named
                )
            )
        return tuple(sorted(own, key=lambda publish: publish.begun))

    def _gone(self, publishes: Sequence[Publish], stored: AbstractSet[str]) -> Iterator[StoredStream]:
        """The streams that were deleted permanently: nobody can say any more where they ended."""
        for stream in sorted(self._knowledge.gone - stored):
            concerned = [one for one in publishes if one.stream == stream]
            head = max((result.sequence for one in concerned for result in one.results), default=0)
            unanswered = sum(len(one.events) for one in concerned if one.answered is None)
            yield StoredStream(stream=stream, first=head + unanswered + 1, events=())
