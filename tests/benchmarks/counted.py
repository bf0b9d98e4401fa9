"""WebSocket clients that count each distinct event by its id, and do nothing else with it."""

from __future__ import annotations

import asyncio
import json
import os
import re
from base64 import b64encode
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Self, cast

from aiohttp import ClientSession

from tests.benchmarks.receipts import Receipts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from eventstore.cloudevents.event import Event

__all__ = ["Client", "Counted", "connected", "masked"]

_ID = re.compile(rb'"id":"([0-9a-f-]{36})"')
"""The id of an event; those of frames are shorter."""
_LIVE = re.compile(rb'"type":"live"')
_KEPT = 42
"""One byte less than what `_ID` matches: the bytes of an id that the end of a piece may cut, and never a whole one."""
_TWO_BYTES = 126
"""From this length on, two bytes say how long a frame is."""
_AT_ONCE = 32
_WITHIN = 60.0


async def connected(
    url: str, streams: Sequence[str], *, received: Callable[[int], None] = lambda _: None
) -> list[Client]:
    """Connect a client for each stream; return them once they are live.

    Args:
        url: Where the hub is.
        streams: The stream that each subscribes to.
        received: Called with the number of distinct events that a client has received further.
    """
    loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE)
    port = int(url.rpartition(":")[2])

    async def connect(stream: str) -> Client:
        async with gate:
            _, client = await loop.create_connection(lambda: Client(received), "127.0.0.1", port)
            client.subscribe(stream)
            await asyncio.wait_for(client.is_live.wait(), _WITHIN)
            return client

    return list(await asyncio.gather(*map(connect, streams)))


def masked(message: bytes) -> bytes:
    """Return a message as a frame that is masked with zeros: with itself (RFC 6455, 5.2 and 5.3)."""
    length = len(message)
    if length < _TWO_BYTES:
        return bytes((0x81, 0x80 | length)) + bytes(4) + message
    return bytes((0x81, 0x80 | _TWO_BYTES)) + length.to_bytes(2, "big") + bytes(4) + message


class Client(asyncio.Protocol):
    """One connection: it counts, and never unpacks a frame."""

    def __init__(self, received: Callable[[int], None]) -> None:
        self._received = received
        self._rest = b""
        self.is_live = asyncio.Event()
        self.ids: set[bytes] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        request = (
            "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {b64encode(os.urandom(16)).decode()}\r\n"
            "Sec-WebSocket-Protocol: eventstore.v1\r\n\r\n"
        )
        self.transport.write(request.encode())

    def subscribe(self, stream: str) -> None:
        message = json.dumps({"action": "subscribe", "id": "s", "stream": stream}).encode()
        self.transport.write(masked(message))

    def data_received(self, data: bytes) -> None:
        if not self.is_live.is_set():
            self._rest += data
            if _LIVE.search(self._rest):
                self._rest = b""
                self.is_live.set()
            return
        data = self._rest + data
        before = len(self.ids)
        self.ids.update(_ID.findall(data))
        self._rest = data[-_KEPT:]
        self._received(len(self.ids) - before)


class Counted:
    """Clients, each with a connection and a subscription of its own; see `joined`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, url: str) -> None:
        self._loop = loop
        self._url = url
        self._clients: list[Client] = []
        self._receipts = Receipts()

    @classmethod
    @contextmanager
    def joined(cls, url: str, number: int, *, stream: str) -> Iterator[Self]:
        """Connect clients, which are live during the block."""
        with ExitStack() as stack:
            loop = asyncio.new_event_loop()
            stack.callback(loop.close)
            counted = cls(loop, url)
            stack.callback(lambda: loop.run_until_complete(counted._close()))
            loop.run_until_complete(counted._join(number, stream))
            yield counted

    def exchange(self, stream: str, events: Sequence[Event]) -> float:
        """Publish events in one request; return the seconds until each client has received every one of them."""
        return self._loop.run_until_complete(self._exchange(stream, events))

    async def _join(self, number: int, stream: str) -> None:
        self._session = ClientSession()
        self._clients = await connected(self._url, [stream] * number, received=self._receipts.take)

    async def _exchange(self, stream: str, events: Sequence[Event]) -> float:
        for client in self._clients:
            client.ids.clear()
        body = b"[%b]" % b",".join(event.body for event in events)
        url = f"{self._url}/api/v1/events?stream={stream}"
        headers = {"Content-Type": "application/cloudevents-batch+json"}
        self._receipts.begin(len(events) * len(self._clients))
        async with self._session.post(url, data=body, headers=headers) as answer:
            if answer.status != 201:
                raise AssertionError(f"answered {answer.status}: {await answer.text()}")
        seconds = (await self._receipts.all())[-1]
        wanted = {event.id.encode() for event in events}
        if any(client.ids != wanted for client in self._clients):
            raise AssertionError("a client has received other events than were published")
        return seconds

    async def _close(self) -> None:
        for client in self._clients:
            client.transport.abort()
        await self._session.close()
