"""Who receives events in a run: subscribers, the members and the target that are checked, and the loose members."""

from __future__ import annotations

import asyncio
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from tests.chaos.server.loose import Loose
from tests.chaos.server.plan import strict_filter
from tests.transcripts.bare_line import bare_dial
from tests.transcripts.follower import Follower
from tests.transcripts.grpc_lines import subscribe_dial, work_dial
from tests.transcripts.http_binding import MODES, HttpBinding
from tests.transcripts.lines import socket_dial
from tests.transcripts.member_group import MemberSettings
from tests.transcripts.orders import Order
from tests.transcripts.target_group import TargetSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.chaos.server.plan import ChaosPlan
    from tests.chaos.server.servers import ChaosServers
    from tests.ports import ReservedPort
    from tests.transcripts.clock import Clock
    from tests.transcripts.controls import GroupHub
    from tests.transcripts.group_soak import Consumer
    from tests.transcripts.lines import Dial
    from tests.transcripts.plan import Guest

__all__ = ["Clients"]


class Clients:
    """The clients of a run that receive events.

    Attributes:
        followers: The subscribers.
        consumers: The durable subscriptions that are checked event by event.
        loose: The durable subscription that operators change.
        news: Set when a subscriber has handled something.

    Args:
        port: Of the target.
    """

    def __init__(self, hub: ChaosServers, plan: ChaosPlan, *, clock: Clock, seed: int, port: ReservedPort) -> None:
        self.news = asyncio.Event()
        self._clock = clock
        self._seed = seed
        self._dials: Mapping[str, Dial] = {
            "socket": socket_dial(lambda: hub.ws_url),
            "bare": bare_dial(lambda: hub.ws_url),
            "grpc": subscribe_dial(lambda: hub.grpc),
            "protobuf": subscribe_dial(lambda: hub.grpc, protobuf=True),
        }
        streams = [*plan.plan.streams, *plan.ends]
        self.followers = [self._follower(*one, streams) for one in zip(plan.plan.guests, plan.doors, strict=True)]
        self.consumers: Sequence[Consumer] = [
            settings.group(hub, plan.plan, clock=clock, seed=seed) for settings in _strict(plan, seed, port)
        ]
        dials = [
            socket_dial(lambda: hub.ws_url),
            work_dial(lambda: hub.grpc),
            work_dial(lambda: hub.grpc, protobuf=True),
        ]
        self.loose = Loose(dials, clock=clock, seed=seed)

    @property
    def staying(self) -> Sequence[Follower]:
        """The subscribers that stay to the end."""
        return [one for one in self.followers if not one.leaves]

    @property
    def state(self) -> str:
        """What each client waits for."""
        lines = [one.state for one in self.staying if not one.caught_up]
        lines += [f"{one.progress.name}: parked {one.progress.parked}; {one.state}" for one in self.consumers]
        return "\n  ".join([*lines, f"loose: {self.loose.state}"])

    def actions(self, attending: asyncio.TaskGroup) -> Iterator[tuple[int, Callable[[], object]]]:
        """The orders to clients, and after how many events they are given."""
        for consumer in self.consumers:
            yield from consumer.actions()
        for follower in self.followers:
            yield follower.guest.joins, partial(_joined, attending, follower)
            for at, order in follower.guest.orders:
                yield at, partial(follower.subscriber.enqueue, order)

    def leave(self) -> None:
        """Order all to leave."""
        for follower in self.staying:
            follower.subscriber.enqueue(Order.leave())
        for consumer in self.consumers:
            consumer.leave()
        self.loose.leave()

    def _follower(self, guest: Guest, door: str, streams: Sequence[str]) -> Follower:
        random = Random(f"{self._seed} {guest.name}")
        return Follower(guest, self._dials[door], streams, clock=self._clock, random=random, news=self.news)


def _strict(plan: ChaosPlan, seed: int, port: ReservedPort) -> Sequence[MemberSettings | TargetSettings]:
    wanted = {"filters": strict_filter(seed)}
    return (
        MemberSettings(comings=max(4, plan.plan.events // 200), wanted=wanted, dial=_member_dial),
        # A URL refuses events for good, so each one that fails parks its stream.
        TargetSettings(
            binding=HttpBinding(Random(f"{seed} mode").choice(MODES)),
            port=port,
            poisoned=0.003,
            failing=0.0,
            mishaps=0.04,
            late=0,
            absences=1,
            throttles=1,
            refuses=True,
            wanted=wanted,
        ),
    )


def _joined(attending: asyncio.TaskGroup, follower: Follower) -> None:
    attending.create_task(follower.run())


def _member_dial(hub: GroupHub, number: int) -> Dial:
    """The members of the strict group, by turns over WebSocket and gRPC."""
    servers: ChaosServers = hub  # type: ignore[assignment]  # the hub of a run is this one
    if number % 2:
        return socket_dial(lambda: servers.ws_url)
    return work_dial(lambda: servers.grpc, protobuf=number % 4 == 0)
