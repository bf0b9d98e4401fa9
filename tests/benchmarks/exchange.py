"""One publisher and one subscriber over WebSocket, on connections of their own, that do as little as possible."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Self

from tests.benchmarks.counted import connected, masked
from tests.benchmarks.receipts import Receipts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore.cloudevents.event import Event

__all__ = ["Exchange"]


class Exchange:
    """A publisher whose messages a subscriber receives; see `joined`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._receipts = Receipts()

    @classmethod
    @contextmanager
    def joined(cls, url: str, stream: str) -> Iterator[Self]:
        """Connect both, and be live during the block."""
        with ExitStack() as stack:
            loop = asyncio.new_event_loop()
            stack.callback(loop.close)
            exchange = cls(loop)
            loop.run_until_complete(exchange._open(url, stream))
            stack.callback(exchange._close)
            yield exchange

    def once(self, event: Event) -> float:
        """Publish an event; return the seconds until the subscriber has it."""
        return self._loop.run_until_complete(self._once(event))

    async def _open(self, url: str, stream: str) -> None:
        self._stream = stream
        [self._subscriber] = await connected(url, [stream], received=self._receipts.take)
        [self._publisher] = await connected(url, ["-"])

    async def _once(self, event: Event) -> float:
        head = f'{{"action":"publish","stream":"{self._stream}","events":['
        message = masked(head.encode() + event.body + b"]}")
        self._receipts.begin(1)
        self._publisher.transport.write(message)
        [seconds] = await self._receipts.all()
        return seconds

    def _close(self) -> None:
        for client in (self._subscriber, self._publisher):
            client.transport.abort()
