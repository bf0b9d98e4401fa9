"""The asynchronous face of `Link`: a WebSocket connection in an event loop, by the library `websockets`."""

from __future__ import annotations

import asyncio
import time
from math import inf
from typing import TYPE_CHECKING

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from eventstore_client.link import Link, WithoutRedirects, connect_error, handshake
from eventstore_client.transport import is_grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventstore_client.blocking import Io
    from eventstore_client.credentials import Credentials

__all__ = ["AsyncSocket", "open_link"]


class _Connect(WithoutRedirects, connect):
    """Opens a connection."""


class AsyncSocket:
    """A `Socket` of an event loop. One task receives; any task of the loop may send and close."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, frames: Sequence[str]) -> None:
        """See `Socket`."""
        # `websockets` keeps the frames of two messages apart, and a message of one frame is written at once.
        await self._connection.send(frames[0] if len(frames) == 1 else frames)

    async def receive(self, seconds: float) -> str:
        """See `Socket`."""
        async with asyncio.timeout(None if seconds == inf else seconds):
            return await self._connection.recv(decode=True)

    async def close(self) -> None:
        """See `Socket`."""
        await self._connection.close()


async def open_link(
    url: str,
    *,
    ping_every: float,
    io: Io,
    credentials: Credentials | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Link:
    """Open a connection in the event loop that runs.

    Args:
        url: The hub's WebSocket address.
        ping_every: Seconds between pings, whether or not the hub sends messages meanwhile.
        io: Runs the source of the credentials, which may block.
        credentials: The credentials of the handshake, which are renewed for it.
        clock: Returns monotonic time in seconds.

    Raises:
        ConnectFailed: The address does not respond.
        NoCredentials: The credentials are not available.
        ProblemError: The hub, or its gateway, rejects the connection.
    """
    if is_grpc(url):
        from eventstore_client.grpc.sockets import AsyncGrpcSocket  # noqa: PLC0415 - an extra

        return Link(await AsyncGrpcSocket.open(url, credentials, io=io), url, ping_every=ping_every, clock=clock)
    options = await io.run(lambda: handshake(url, credentials)) if credentials else handshake(url, None)
    try:
        connection = await _Connect(url, **options)
    except (OSError, WebSocketException) as error:
        raise connect_error(error, url, credentials) from error
    return Link(AsyncSocket(connection), url, ping_every=ping_every, clock=clock)
