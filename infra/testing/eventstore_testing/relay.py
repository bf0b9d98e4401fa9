"""A port that stays while the server behind it comes and goes, and whose connections can be cut."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import cast

__all__ = ["Relay"]

_LOCAL = "127.0.0.1"
_CHUNK = 65536


class Relay:
    """Forwards connections to a port of 127.0.0.1.

    Attributes:
        target: The port of the server; None if there is none, and each connection is cut at once.
        port: The port that stays.
    """

    def __init__(self) -> None:
        self.target: int | None = None
        self.port = 0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, _LOCAL, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> int:
        """Cut all connections, and return their number."""
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        return len(connections)

    async def close(self) -> None:
        """Cut all connections, and listen no more."""
        if self._server is not None:
            self._server.close()
        await self.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._connections.add(task)
        writers = [writer]
        # A connection that is cut is no error of the relay.
        with suppress(OSError, asyncio.CancelledError):
            try:
                if self.target is not None:
                    far_reader, far_writer = await asyncio.open_connection(_LOCAL, self.target)
                    writers.append(far_writer)
                    await asyncio.gather(_carry(reader, far_writer), _carry(far_reader, writer))
            finally:
                for each in writers:
                    each.transport.abort()
                self._connections.discard(task)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    # The other direction may still have something to say.
    if writer.can_write_eof():
        writer.write_eof()
