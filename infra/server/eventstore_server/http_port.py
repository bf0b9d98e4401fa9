"""The port of REST and WebSocket: bound first, opened when everything else runs, closed once requests have ended."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING

from aiohttp import web

from eventstore_hosting.server import Server

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from eventstore_server.http_doors import HttpDoors

__all__ = ["HttpPort"]

_LOGGER = logging.getLogger(__name__)

_BACKLOG = 4096
_LAST_SECONDS = 0.5
"""For closing what is left, at the end."""


class HttpPort:
    """A port that is bound.

    Args:
        host: The address to listen on.
        port: The port; 0 is any free one.

    Raises:
        OSError: The port is taken, or the address is none of this machine.
    """

    def __init__(self, host: str, port: int) -> None:
        self._socket = _listen(host, port)
        self._runner: web.ServerRunner | None = None

    @property
    def number(self) -> int:
        """The number of the port."""
        return int(self._socket.getsockname()[1])

    async def open(self, doors: HttpDoors) -> None:
        """Answer requests from now on."""
        server = Server(doors.serve, terminal=doors)
        self._runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=_LAST_SECONDS)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket, backlog=_BACKLOG).start()

    async def close(self, others: Awaitable[None], *, seconds: float) -> None:
        """Accept nothing more, and wait for requests to end.

        Args:
            others: Ends the connections that are not requests.
            seconds: How long that may take. What has not ended then is cut off.
        """
        if self._runner is None or self._runner.server is None:
            self._socket.close()
            return
        server = self._runner.server
        for site in list(self._runner.sites):
            await site.stop()
        # What has just come in begins to be answered.
        await asyncio.sleep(0)
        # Connections that wait for another request end now, and those that answer one afterwards.
        server.pre_shutdown()
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(others, server.shutdown(seconds))
        except TimeoutError:
            _LOGGER.warning("some connections did not end within %.1f s", seconds)
        await self._runner.cleanup()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG, reuse_port=False)
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"{host}:{port} cannot be used: {reason}; choose another port: PORT=…, or --port") from error
