"""A recorded scenario of members that crash, leave and join, with poisoned events and faults of the hub."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from itertools import chain
from random import Random
from typing import TYPE_CHECKING, Protocol

from tests.transcripts.clock import Clock
from tests.transcripts.content import key
from tests.transcripts.contents import contents
from tests.transcripts.controls import GroupControls, HubControls
from tests.transcripts.member import RecordingMember
from tests.transcripts.membership import Group, Redriven
from tests.transcripts.orders import Order
from tests.transcripts.plan import Strike, planned
from tests.transcripts.soak import FUNCTIONS, SoakTimeout, publishing_to, strike
from tests.transcripts.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.transcripts.content import Key
    from tests.transcripts.membership import Parked
    from tests.transcripts.plan import Batch, Plan
    from tests.transcripts.publisher import Publisher
    from tests.transcripts.soak import Publishers
    from tests.transcripts.transcript import Json

__all__ = ["Hub", "group_soak"]

_NAME = "workers"
_ACK_DEADLINE = 6
_MAX_ATTEMPTS = 3
_MAX_IN_FLIGHT = 50
_POLLED_EVERY = 0.25


class Hub(HubControls, GroupControls, Protocol):
    """The hub under test, with its durable subscriptions."""


@dataclass(frozen=True, slots=True)
class _Troubles:
    """The faults of members.

    Attributes:
        poison: Events that cannot be handled until they are healed.
        nacks: The share of tries that fail for no reason of the event's.
        slow: Events whose tries take half the deadline.
        orders: The orders for members, and after how many events they are given.
    """

    poison: frozenset[Key]
    nacks: float
    slow: frozenset[Key]
    orders: Sequence[tuple[int, str, Order]]


async def group_soak(
    hub: Hub,
    *,
    seed: int,
    events: int = 5_000,
    streams: int = 150,
    members: int = 4,
    poisoned: float = 0.01,
    nacks: float = 0.01,
    slow: int = 6,
    comings: int = 12,
    functions: Sequence[str] = FUNCTIONS,
    kills: int = 10,
    restarts: int = 1,
    rest_publishers: int = 3,
    socket_publishers: int = 1,
    longest_pause: float = 1.0,
    sweep_every: float = 2.0,
    deadline: float = 600.0,
) -> Transcript:
    """Run the scenario of a seed until every event is handled or parked; then heal, redrive, and wait until all is.

    Args:
        poisoned: The share of events that cannot be handled.
        nacks: The share of tries that fail all the same.
        slow: How many events take half of `ack_deadline` each, while their member does nothing of its other partitions:
            three times the deadline, should all come to one member.
        comings: How often members crash or leave, to come again after `longest_pause` seconds at most.

    Raises:
        Overdue: It did not end in `deadline` seconds; the transcript is of what happened by then.
        ExceptionGroup: A request was refused as wrong, or a control failed.
    """
    print(f"group soak: seed {seed}, {events} events, {members} members", flush=True)
    plan = planned(
        seed,
        events=events,
        subscribers=0,
        streams=streams,
        functions=functions,
        kills=kills,
        restarts=restarts,
        sweeps=0,
        longest_pause=longest_pause,
    )
    names = [f"member-{number}" for number in range(1, members + 1)]
    troubles = _troubles(
        Random(f"{seed} troubles"),
        plan,
        names,
        poisoned=poisoned,
        nacks=nacks,
        slow=slow,
        comings=comings,
        longest_pause=longest_pause,
    )
    clock = Clock()
    await hub.create(_NAME, ack_deadline=_ACK_DEADLINE, max_attempts=_MAX_ATTEMPTS, max_in_flight=_MAX_IN_FLIGHT)
    async with publishing_to(hub, rest_publishers, socket_publishers, clock, seed) as publishers:
        run = _Run(hub, plan, troubles, publishers, names=names, clock=clock, seed=seed, sweep_every=sweep_every)
        try:
            async with asyncio.timeout(deadline):
                await run.played()
        except TimeoutError as error:
            message = f"the soak of seed {seed} did not end in {deadline} s\n  {run.state}"
            raise SoakTimeout(message, await run.recorded(finished=False)) from error
        return await run.recorded(finished=True)


def _troubles(
    random: Random,
    plan: Plan,
    names: Sequence[str],
    *,
    poisoned: float,
    nacks: float,
    slow: int,
    comings: int,
    longest_pause: float,
) -> _Troubles:
    keys = [key(event) for batch in plan.batches for event in batch.events]
    kinds: Sequence[Callable[[float], Order]] = (Order.abort, Order.close, Order.unsubscribe)
    orders = sorted(
        (
            (random.randrange(len(keys)), random.choice(names), random.choice(kinds)(random.random() * longest_pause))
            for _ in range(comings)
        ),
        key=lambda order: order[0],
    )
    poison = frozenset(random.sample(keys, max(1, round(len(keys) * poisoned))))
    return _Troubles(poison, nacks, frozenset(random.sample(keys, min(slow, len(keys)))), orders)


class _Run:
    def __init__(
        self,
        hub: Hub,
        plan: Plan,
        troubles: _Troubles,
        publishers: Publishers,
        *,
        names: Sequence[str],
        clock: Clock,
        seed: int,
        sweep_every: float,
    ) -> None:
        self._hub = hub
        self._plan = plan
        self._troubles = troubles
        self._publishers = publishers
        self._clock = clock
        self._seed = seed
        self._sweep_every = sweep_every
        self._healed = False
        self._published = 0
        self._handled: set[tuple[str, int]] = set()
        self._redriven: list[Redriven] = []
        self._parked: Sequence[Parked] = ()
        self._given_up: set[tuple[str, int]] = set()
        self._stage = "publishing"
        self._striking = asyncio.Lock()
        self._members = {name: self._member(name) for name in names}
        self._due = deque(sorted(self._actions(), key=lambda action: action[0]))

    @property
    def state(self) -> str:
        """What each client waits for, for error messages."""
        missing = sorted(self._missing())
        message = (
            f"{self._stage}: {self._published} published, {len(missing)} neither handled nor parked: {missing[:5]}"
        )
        return "\n  ".join([message, *(f"{name}: {member.state}" for name, member in self._members.items())])

    async def recorded(self, *, finished: bool) -> Transcript:
        """The recorded transcript, with the current content of the store."""
        group = Group(
            name=_NAME,
            wanted={},
            ack_deadline=_ACK_DEADLINE,
            max_attempts=_MAX_ATTEMPTS,
            members=tuple(member.recorded for member in self._members.values()),
            redriven=tuple(self._redriven),
            parked=tuple(self._parked),
            finished=finished,
        )
        publishes = chain.from_iterable(publisher.publishes for publisher in self._publishers.all)
        return Transcript(
            publishes=tuple(sorted(publishes, key=lambda publish: publish.begun)),
            streams=await contents(self._hub.rest_url, self._plan.streams),
            subscribers=(),
            seed=self._seed,
            groups=(group,),
        )

    async def played(self) -> None:
        """Run the scenario to its end."""
        rest = deque(batch for batch in self._plan.batches if not batch.socket)
        socket = deque(batch for batch in self._plan.batches if batch.socket)
        async with asyncio.TaskGroup() as attending:
            for member in self._members.values():
                attending.create_task(member.run())
            async with asyncio.TaskGroup() as acting:
                for publisher in self._publishers.rest:
                    acting.create_task(self._publishing(publisher, rest, acting))
                for publisher in self._publishers.socket:
                    acting.create_task(self._publishing(publisher, socket, acting))
            self._stage = "waiting until all is handled or parked"
            await self._settled()
            self._stage = "redriving"
            await self._redrive()
            await self._settled(unparked=True)
            for member in self._members.values():
                member.enqueue(Order.leave())

    async def _publishing(self, publisher: Publisher, batches: deque[Batch], acting: asyncio.TaskGroup) -> None:
        while batches:
            batch = batches.popleft()
            await publisher.publish(batch.events, batch.stream)
            self._published += len(batch.events)
            while self._due and self._due[0][0] <= self._published:
                match self._due.popleft()[1]:
                    case Strike() as fault:
                        acting.create_task(self._strike(fault))
                    case (str() as name, Order() as order):
                        self._members[name].enqueue(order)

    async def _strike(self, fault: Strike) -> None:
        async with self._striking:
            await strike(self._hub, fault)

    def _actions(self) -> Iterator[tuple[int, Strike | tuple[str, Order]]]:
        for fault in self._plan.strikes:
            yield fault.at, fault
        for at, name, order in self._troubles.orders:
            yield at, (name, order)

    def _member(self, name: str) -> RecordingMember:
        random = Random(f"{self._seed} {name}")

        def fails(event: Json) -> bool:
            drawn = random.random() < self._troubles.nacks
            return not self._healed and (drawn or key(event) in self._troubles.poison)

        def handle(event: Json) -> None:
            self._handled.add((event["hubstream"], int(event["hubsequence"])))

        def seconds(event: Json) -> float:
            return _ACK_DEADLINE / 2 if key(event) in self._troubles.slow else 0.0

        return RecordingMember(
            self._hub.ws_url,
            _NAME,
            name=name,
            clock=self._clock,
            random=Random(f"{self._seed} {name} itself"),
            fails=fails,
            handle=handle,
            seconds=seconds,
            alive_every=_ACK_DEADLINE / 4,
        )

    def _answered(self) -> Iterator[tuple[str, int]]:
        for publisher in self._publishers.all:
            for publish in publisher.publishes:
                yield from ((result.stream, result.sequence) for result in publish.results)

    def _missing(self) -> set[tuple[str, int]]:
        parked = {parked.stream: parked.sequence for parked in self._parked}
        missing = set(self._answered()) - self._handled - self._given_up
        return {(stream, sequence) for stream, sequence in missing if sequence < parked.get(stream, sequence + 1)}

    async def _settled(self, *, unparked: bool = False) -> None:
        """Wait until every event is handled or parked with its letters, or until none is parked."""
        waited = 0.0
        while True:
            self._parked = await self._hub.parked(_NAME)
            if not self._missing() and (not self._parked if unparked else self._letters_written()):
                return
            await asyncio.sleep(_POLLED_EVERY)
            waited += _POLLED_EVERY
            if waited >= self._sweep_every:
                waited = 0.0
                await self._hub.fire_sweep()

    def _letters_written(self) -> bool:
        answered = set(self._answered())
        return all(
            parked.letters
            >= sum(stream == parked.stream and sequence >= parked.sequence for stream, sequence in answered)
            for parked in self._parked
        )

    async def _redrive(self) -> None:
        """Heal poisoned events, and redrive every parked stream, sometimes without the failed event."""
        self._healed = True
        random = Random(f"{self._seed} redrive")
        for parked in sorted(self._parked, key=lambda parked: parked.stream):
            how = "skip" if random.random() < 0.2 else "start"
            self._redriven.append(Redriven(at=self._clock.now(), how=how, parked=parked))
            place = parked.stream, parked.sequence
            later = {
                (stream, sequence)
                for stream, sequence in self._handled
                if stream == parked.stream and sequence >= parked.sequence
            }
            self._handled -= later
            if how == "skip":
                self._given_up.add(place)
            await self._hub.redrive(_NAME, parked.stream, how)
