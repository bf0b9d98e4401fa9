"""A durable subscription of a scenario whose events are handled by members."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from tests.transcripts.content import key
from tests.transcripts.lines import socket_dial
from tests.transcripts.member import RecordingMember
from tests.transcripts.orders import Order
from tests.transcripts.progress import ACK_DEADLINE, Progress
from tests.transcripts.troubles import drawn, moments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.transcripts.clock import Clock
    from tests.transcripts.controls import GroupHub
    from tests.transcripts.lines import Dial
    from tests.transcripts.membership import Group
    from tests.transcripts.plan import Plan
    from tests.transcripts.transcript import Json

__all__ = ["MemberGroup", "MemberSettings"]

_NAME = "workers"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberSettings:
    """The members of a scenario, and their troubles.

    Attributes:
        poisoned: The share of events that cannot be handled.
        nacks: The share of tries that fail all the same.
        slow: How many events take half of `ack_deadline` each, while their member does nothing of its other partitions:
            three times the deadline, should all come to one member.
        wanted: The part of the definition that selects events: `filters`.
        dial: Returns how a member dials, by the number of the member, from 1.
        comings: How often members crash or leave, to come again after `longest_pause` seconds at most.
    """

    members: int = 4
    poisoned: float = 0.01
    nacks: float = 0.01
    slow: int = 6
    comings: int = 12
    longest_pause: float = 1.0
    wanted: Json = field(default_factory=dict)
    dial: Callable[[GroupHub, int], Dial] = lambda hub, _: socket_dial(lambda: hub.ws_url)

    def group(self, hub: GroupHub, plan: Plan, *, clock: Clock, seed: int) -> MemberGroup:
        """The group of a scenario."""
        return MemberGroup(self, hub, plan, clock=clock, seed=seed)


class MemberGroup:
    """See `tests.transcripts.group_soak.Consumer`."""

    def __init__(self, about: MemberSettings, hub: GroupHub, plan: Plan, *, clock: Clock, seed: int) -> None:
        self.progress = Progress(hub, _NAME, clock=clock, random=Random(f"{seed} redrive"), wanted=about.wanted)
        self._hub = hub
        self._clock = clock
        self._seed = seed
        random = Random(f"{seed} troubles")
        names = [f"member-{number}" for number in range(1, about.members + 1)]
        self._orders = _orders(random, plan, names, about)
        self._troubles = drawn(random, plan, poisoned=about.poisoned, failing=about.nacks, slow=about.slow)
        self._seconds = dict.fromkeys(self._troubles.slow, ACK_DEADLINE / 2)
        self._members = {name: self._member(name, about.dial(hub, number)) for number, name in enumerate(names, 1)}

    @property
    def state(self) -> str:
        """What each member does."""
        return "\n  ".join(f"{name}: {member.state}" for name, member in self._members.items())

    async def create(self) -> None:
        """Create the durable subscription."""
        await self.progress.create()

    async def run(self) -> None:
        """Have the members take part until they are ordered to leave."""
        async with asyncio.TaskGroup() as attending:
            for member in self._members.values():
                attending.create_task(member.run())

    def actions(self) -> Iterator[tuple[int, Callable[[], object]]]:
        """The orders for members, and after how many events they are given."""
        for at, name, order in self._orders:
            yield at, partial(self._members[name].enqueue, order)

    def leave(self) -> None:
        """Order all members to leave."""
        for member in self._members.values():
            member.enqueue(Order.leave())

    def recorded(self, *, finished: bool) -> Group:
        """What was recorded."""
        return self.progress.group(finished=finished, members=(member.recorded for member in self._members.values()))

    def _member(self, name: str, dial: Dial) -> RecordingMember:
        random = Random(f"{self._seed} {name}")

        def fails(event: Json) -> bool:
            return self._troubles.fails(random, event, healed=self.progress.healed)

        return RecordingMember(
            dial,
            _NAME,
            name=name,
            clock=self._clock,
            random=Random(f"{self._seed} {name} itself"),
            fails=fails,
            handle=self.progress.handle,
            seconds=lambda event: self._seconds.get(key(event), 0.0),
            alive_every=ACK_DEADLINE / 4,
        )


def _orders(
    random: Random, plan: Plan, names: Sequence[str], about: MemberSettings
) -> Sequence[tuple[int, str, Order]]:
    kinds: Sequence[Callable[[float], Order]] = (Order.abort, Order.close, Order.unsubscribe)
    return [
        (at, random.choice(names), random.choice(kinds)(random.random() * about.longest_pause))
        for at in moments(random, plan, about.comings)
    ]
