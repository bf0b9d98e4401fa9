"""The renewal of the epoch: whoever is subscribed learns of it over each door, and receives everything again."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

from tests.chaos.server.plan import PARTITIONS, partition_of
from tests.transcripts.bare_line import bare_dial
from tests.transcripts.content import where
from tests.transcripts.grpc_lines import subscribe_dial
from tests.transcripts.lines import socket_dial
from tests.transcripts.orders import Order
from tests.transcripts.subscriber import RecordingSubscriber
from tests.transcripts.transcript import BARE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from collections.abc import Set as AbstractSet

    from tests.chaos.server.servers import ChaosServers
    from tests.transcripts.clock import Clock
    from tests.transcripts.content import Where
    from tests.transcripts.lines import Dial
    from tests.transcripts.transcript import Json

__all__ = ["Renewal"]


class Renewal:
    """Subscribers over each door, from the start of all streams.

    Args:
        streams: The streams that keep their events.
    """

    def __init__(self, hub: ChaosServers, streams: Sequence[str], *, clock: Clock) -> None:
        dials: dict[str, Dial] = {
            "eventstore.v1": socket_dial(lambda: hub.ws_url),
            BARE: bare_dial(lambda: hub.ws_url),
            "grpc": subscribe_dial(lambda: hub.grpc),
        }
        self._probes = [_Probe(door, dial, frozenset(streams), clock) for door, dial in dials.items()]

    async def pass_by(
        self, renew: Callable[[], Awaitable[object]], places: Callable[[], AbstractSet[Where]]
    ) -> list[str]:
        """Have the epoch renewed while all are subscribed, and return what is wrong.

        Args:
            renew: Renews it, and publishes an event to each partition: without one, nobody learns of it.
            places: Returns the places of all events that each subscriber must receive, before and after.
        """
        async with asyncio.TaskGroup() as running:
            for probe in self._probes:
                running.create_task(probe.subscriber.run())
            for probe in self._probes:
                await probe.until(lambda one: one.places.issuperset(places()))
            await renew()
            for probe in self._probes:
                await probe.until(lambda one: len(one.renewed) == PARTITIONS and one.places.issuperset(places()))
                probe.subscriber.enqueue(Order.leave())
        return [wrong for probe in self._probes for wrong in probe.wrong]


class _Probe:
    def __init__(self, door: str, dial: Dial, streams: frozenset[str], clock: Clock) -> None:
        request: dict[str, str] = {"from": "start"} | ({"subprotocol": BARE} if door == BARE else {})
        self.subscriber = RecordingSubscriber(
            dial, request, name=door, clock=clock, random=Random(door), handle=self._handle
        )
        self.places: set[Where] = set()
        self.renewed: set[int] = set()
        self.wrong: list[str] = []
        self._streams = streams
        self._news = asyncio.Event()

    async def until(self, holds: Callable[[_Probe], bool]) -> None:
        while not holds(self):
            self._news.clear()
            await self._news.wait()

    def _handle(self, message: Json) -> None:
        if message["type"] == "subscribed":
            renewed = set(message.get("renewed", ()))
            if (message["recovery"] == "new-epoch") != bool(renewed):
                self.wrong.append(f"{self.subscriber.name}: {message['recovery']} came with renewed {sorted(renewed)}")
            if again := renewed & self.renewed:
                self.wrong.append(f"{self.subscriber.name}: {sorted(again)} were renewed once and reported twice")
            self.renewed |= renewed
            # These partitions begin anew, and all of their events come again.
            self.places = {place for place in self.places if partition_of(place[0]) not in renewed}
        self.places |= {where(event) for event in message.get("events", ()) if event["hubstream"] in self._streams}
        self._news.set()
