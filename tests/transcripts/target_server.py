"""A server on this machine that can vanish, and come back at the same port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.ports import ReservedPort

__all__ = ["TargetServer"]

_LOOPBACK = "127.0.0.1"
_LONGEST_IDLE = 3600.0
"""Longer than any run: the server never closes an idle connection while a request is on its way."""
_CUT_AFTER = 0.01


class TargetServer:
    """Serves requests while it is open. Connections are refused while it is closed.

    Args:
        handler: Answers each request.
    """

    def __init__(self, port: ReservedPort, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        self._port = port
        self._handler = handler
        self._runner: web.ServerRunner | None = None

    async def open(self) -> None:
        """Accept connections."""
        server = web.Server(self._handler, keepalive_timeout=_LONGEST_IDLE, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=_CUT_AFTER)
        await self._runner.setup()
        await web.TCPSite(self._runner, _LOOPBACK, self._port.number, reuse_port=True).start()

    async def close(self) -> None:
        """Refuse connections, and cut those that are open, also during a request."""
        if self._runner is not None:
            await self._runner.cleanup()
