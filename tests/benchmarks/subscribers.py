"""WebSocket clients of the hub, and a publisher over REST, in the measuring process."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Self

from aiohttp import ClientSession, ClientTimeout, TCPConnector

from tests.benchmarks.receipts import Receipts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aiohttp import ClientWebSocketResponse

    from eventstore.cloudevents.event import Event

__all__ = ["Subscribers"]

_AT_ONCE = 4
"""The number of clients that join at a time, so that few functions start before the measurement."""
_LIVE_WITHIN = 60.0
_LARGEST_MESSAGE = 1 << 20
_BATCH = {"Content-Type": "application/cloudevents-batch+json"}
_SINGLE = {"Content-Type": "application/cloudevents+json"}
_RECORDED = '"hubsequence":'
"""A text that each event of a message contains once, outside its data."""


class Subscribers:
    """Clients, each with its own connection and subscription; see `joined`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, url: str) -> None:
        self._loop = loop
        self._url = url
        self._receipts = Receipts()
        self._receiving: list[asyncio.Task[None]] = []
        self._live: asyncio.Queue[None] = asyncio.Queue()

    @classmethod
    @contextmanager
    def joined(cls, url: str, number: int = 0, request: Mapping[str, object] | None = None) -> Iterator[Self]:
        """Connect a number of clients, which are live during the block.

        Args:
            request: What each subscribes to, as members of the action.
        """
        with ExitStack() as stack:
            loop = asyncio.new_event_loop()
            stack.callback(loop.close)
            subscribers = cls(loop, url)
            loop.run_until_complete(subscribers._open())
            stack.callback(lambda: loop.run_until_complete(subscribers._close()))
            if number:
                subscribers.join(number, request or {})
            yield subscribers

    def join(self, number: int, request: Mapping[str, object]) -> None:
        """Subscribe further clients; return when all are live."""
        self._loop.run_until_complete(self._join(number, request))

    def exchange(self, stream: str, events: Sequence[Event]) -> list[float]:
        """Publish events in one request; return the seconds until each event arrived at each client."""
        return self._loop.run_until_complete(self._exchange(stream, events))

    def catch_up(self, events: int) -> float:
        """Make one client receive `count` stored events; return the seconds that it takes."""
        return self._loop.run_until_complete(self._catch_up(events))

    async def _open(self) -> None:
        self._session = ClientSession(timeout=ClientTimeout(total=60), connector=TCPConnector(limit=0))

    async def _close(self) -> None:
        # The session resets the connections, which is faster than a thousand closing handshakes.
        for receiving in self._receiving:
            receiving.cancel()
        await asyncio.gather(*self._receiving, return_exceptions=True)
        await self._session.close()

    async def _join(self, number: int, request: Mapping[str, object]) -> None:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def join_next() -> None:
            async with gate:
                await self._subscribe(request)
                await asyncio.wait_for(self._live.get(), _LIVE_WITHIN)

        await asyncio.gather(*(join_next() for _ in range(number)))

    async def _subscribe(self, request: Mapping[str, object]) -> None:
        socket = await self._session.ws_connect(f"{self._url}/ws", compress=0, max_msg_size=_LARGEST_MESSAGE)
        self._receiving.append(asyncio.create_task(self._receive(socket)))
        await socket.send_str(json.dumps({"action": "subscribe", "id": "s", **request}))

    async def _receive(self, socket: ClientWebSocketResponse) -> None:
        answers = 0
        due = -1
        async for message in socket:
            if message.data.startswith('{"type":"events"'):
                self._receipts.take(message.data.count(_RECORDED))
                continue
            content = json.loads(message.data)
            if content["type"] not in {"subscribed", "live"}:
                raise AssertionError(f"not expected: {message.data}")
            # `subscribed` once, and `live` of every partition that it names, in whatever order.
            answers += 1
            if content["type"] == "subscribed":
                due = 1 + len(content["partitions"])
            if answers == due:
                self._live.put_nowait(None)

    async def _exchange(self, stream: str, events: Sequence[Event]) -> list[float]:
        single = len(events) == 1
        body = events[0].body if single else b"[%b]" % b",".join(event.body for event in events)
        self._receipts.begin(len(events) * len(self._receiving))
        url = f"{self._url}/api/v1/events?stream={stream}"
        async with self._session.post(url, data=body, headers=_SINGLE if single else _BATCH) as answer:
            if answer.status != 201:
                raise AssertionError(f"answered {answer.status}: {await answer.text()}")
        return await self._receipts.all()

    async def _catch_up(self, events: int) -> float:
        self._receipts.begin(events)
        await self._subscribe({"from": "start"})
        return (await self._receipts.all())[-1]
