"""Publishers over every door, at the rate of the plan."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING

from tests.transcripts.grpc_routes import GrpcRoute, GrpcStreamRoute
from tests.transcripts.outcomes import Refused
from tests.transcripts.publisher import Publisher, RestRoute, SocketRoute

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from tests.chaos.server.knowledge import Knowledge
    from tests.chaos.server.servers import ChaosServers
    from tests.transcripts.clock import Clock
    from tests.transcripts.plan import Batch
    from tests.transcripts.publisher import Route

__all__ = ["Publishing", "publishing_over"]

_STREAMED = "stream"
_LARGE = 30_000


class Publishing:
    """Publishes batches until each is answered, unless its stream was deleted permanently.

    Attributes:
        publishers: By their names.
    """

    def __init__(self, publishers: dict[str, Publisher], knowledge: Knowledge, clock: Clock) -> None:
        self.publishers = publishers
        self._knowledge = knowledge
        self._clock = clock

    async def publish(self, batches: Sequence[Batch], rate: float, after: Callable[[int], object]) -> None:
        """Publish batches, each by the next publisher that is free and takes it.

        Args:
            rate: The most events a second.
            after: Called after each batch, with the number of its events.
        """
        left = deque(batches)
        begun, count = self._clock.now(), 0

        async def work(publisher: Publisher) -> None:
            nonlocal count
            while left:
                if publisher.name.startswith("socket") and _is_large(left[0]):
                    await asyncio.sleep(0.01)
                    continue
                batch = left.popleft()
                count += len(batch.events)
                await asyncio.sleep(begun + count / rate - self._clock.now())
                await self._publish(publisher, batch)
                self._knowledge.learn(publisher)
                after(len(batch.events))

        async with asyncio.TaskGroup() as working:
            for publisher in self.publishers.values():
                working.create_task(work(publisher))

    async def _publish(self, publisher: Publisher, batch: Batch) -> None:
        try:
            if publisher.name.startswith(_STREAMED):
                async with asyncio.TaskGroup() as events:
                    for event in batch.events:
                        events.create_task(publisher.publish([event], batch.stream))
            else:
                await publisher.publish(batch.events, batch.stream)
        except* Refused as refused:
            codes = {error.code for error in refused.exceptions if isinstance(error, Refused)}
            if batch.stream not in self._knowledge.gone or codes != {"stream-gone"}:
                raise


@asynccontextmanager
async def publishing_over(
    hub: ChaosServers, knowledge: Knowledge, *, clock: Clock, seed: int
) -> AsyncIterator[Publishing]:
    """Create publishers of each kind; close them after the block."""
    routes: dict[str, Route] = {
        "rest-1": RestRoute(lambda: hub.rest_url),
        "rest-2": RestRoute(lambda: hub.rest_url),
        "socket-1": SocketRoute(lambda: hub.ws_url),
        "grpc-1": GrpcRoute(lambda: hub.grpc),
        "grpc-2": GrpcRoute(lambda: hub.grpc),
        "stream-1": GrpcStreamRoute(lambda: hub.grpc),
    }
    made = {
        name: Publisher(name, route, clock=clock, random=Random(f"{seed} {name}")) for name, route in routes.items()
    }
    try:
        yield Publishing(made, knowledge, clock)
    finally:
        for publisher in made.values():
            await publisher.close()


def _is_large(batch: Batch) -> bool:
    return any(len(str(event.get("data", ""))) > _LARGE for event in batch.events)
