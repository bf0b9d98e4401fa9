"""A server on this machine that can vanish, and come back at the same port."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType
    from typing import Self

__all__ = ["ReservedPort", "TargetServer"]

_LOOPBACK = "127.0.0.1"
_LONGEST_IDLE = 3600.0
"""Longer than any run: the server never closes an idle connection while a request is on its way."""
_CUT_AFTER = 0.01


class ReservedPort:
    """A port of 127.0.0.1 that no other program can take, whether a server listens on it or connections are refused."""

    def __init__(self) -> None:
        # Two sockets of this program have the port while a server listens: this one never does.
        self._keeper = socket.socket()
        self._keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._keeper.bind((_LOOPBACK, 0))
        self.number: int = self._keeper.getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._keeper.close()

    @property
    def url(self) -> str:
        """Where a server on the port is called."""
        return f"http://{_LOOPBACK}:{self.number}"


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
