"""A server on this machine that can vanish, and come back at the same port."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType
    from typing import Self

__all__ = ["ReservedPort", "TargetServer"]

_LOOPBACK = "127.0.0.1"
_BACKLOG = 128
_LONGEST_IDLE = 3600.0
"""Longer than any run: the server never closes an idle connection while a request is on its way."""
_CUT_AFTER = 0.01


class ReservedPort:
    """A port of 127.0.0.1 that no other program can take, whether a server listens on it or connections are refused."""

    def __init__(self) -> None:
        self._keeper = _bound(0)
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

    def listening(self) -> socket.socket:
        """A socket that accepts connections to the port."""
        listener = _bound(self.number)
        listener.listen(_BACKLOG)
        return listener


class TargetServer:
    """Serves requests while it is open. Connections are refused while it is closed.

    Args:
        handler: Answers each request.
    """

    def __init__(self, port: ReservedPort, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        self._port = port
        self._handler = handler
        self._server: web.Server | None = None
        self._listener: asyncio.Server | None = None

    async def open(self) -> None:
        """Accept connections."""
        self._server = web.Server(self._handler, keepalive_timeout=_LONGEST_IDLE, access_log=None)
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._server, sock=self._port.listening())

    async def close(self) -> None:
        """Refuse connections, and cut those that are open, also during a request."""
        if self._listener is not None and self._server is not None:
            self._listener.close()
            await self._server.shutdown(_CUT_AFTER)
        self._listener = self._server = None


def _bound(port: int) -> socket.socket:
    # Several sockets of this program may have the port: one reserves it, and does not listen.
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((_LOOPBACK, port))
    return bound
