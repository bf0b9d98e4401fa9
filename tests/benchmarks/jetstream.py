"""A NATS server with JetStream, and clients of it."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import nats
from nats.js.api import DeliverPolicy, StorageType, StreamConfig

from tests.benchmarks.placement import starting_servers
from tests.benchmarks.receipts import Receipts
from tests.nats_server import NatsServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nats.aio.client import Client
    from nats.aio.msg import Msg

    from eventstore.cloudevents.event import Event

__all__ = ["JetStream"]


class JetStream:
    """A JetStream stream with a subject per stream of ours; messages have an id, so that none is stored twice."""

    def __init__(self, loop: asyncio.AbstractEventLoop, client: Client, url: str) -> None:
        self._loop = loop
        self._jetstream = client.jetstream()
        self._url = url
        self._receipts = Receipts()
        self._subscribers: list[Client] = []

    @classmethod
    @contextmanager
    def start(cls, storage: StorageType) -> Iterator[JetStream]:
        """Serves for as long as the block lasts."""
        with ExitStack() as stack:
            # As who installs it has it.
            server = stack.enter_context(NatsServer.started(jetstream="", placement=starting_servers))
            loop = asyncio.new_event_loop()
            stack.callback(loop.close)
            client = loop.run_until_complete(_connected(server.url))
            stack.callback(lambda: loop.run_until_complete(client.close()))
            config = StreamConfig(name="events", subjects=["events.>"], storage=storage)
            loop.run_until_complete(client.jetstream().add_stream(config))
            jetstream = cls(loop, client, server.url)
            stack.callback(lambda: loop.run_until_complete(jetstream._leave()))
            yield jetstream

    def publish(self, placed: Sequence[tuple[str, Event]]) -> None:
        """Publish events sequentially, each after the acknowledgement of the previous one."""
        self._loop.run_until_complete(self._publish(placed))

    def join(self, number: int) -> None:
        """So many subscribe to what comes from now on, each over a connection of its own, by an ordered consumer."""
        self._loop.run_until_complete(self._join(number))

    def exchange(self, stream: str, event: Event) -> list[float]:
        """Publish an event; return the seconds until it arrived at each subscriber."""
        return self._loop.run_until_complete(self._exchange(stream, event))

    async def _publish(self, placed: Sequence[tuple[str, Event]]) -> None:
        for stream, event in placed:
            await self._jetstream.publish(f"events.{stream}", event.body, headers={"Nats-Msg-Id": event.id})

    async def _join(self, number: int) -> None:
        async def take(_: Msg) -> None:
            self._receipts.take()

        for _ in range(number):
            client = await _connected(self._url)
            self._subscribers.append(client)
            await client.jetstream().subscribe(
                "events.>", cb=take, ordered_consumer=True, deliver_policy=DeliverPolicy.NEW
            )

    async def _exchange(self, stream: str, event: Event) -> list[float]:
        self._receipts.begin(len(self._subscribers))
        await self._publish([(stream, event)])
        return await self._receipts.all()

    async def _leave(self) -> None:
        await asyncio.gather(*(client.close() for client in self._subscribers))
        # What an ordered consumer watches itself by outlives its client.
        watches = asyncio.all_tasks() - {asyncio.current_task()}
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)


async def _connected(url: str) -> Client:
    return await nats.connect(url, allow_reconnect=False, connect_timeout=10)
