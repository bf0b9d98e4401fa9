"""A connection from its opening to its end.

Rules: API Gateway Developer Guide, "Quotas for configuring and running a WebSocket API in API Gateway" (idle connection
timeout, connection duration).
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Protocol

from websockets.frames import CloseCode

from eventstore_hosting.wire import Closure, Wire

if TYPE_CHECKING:
    from aiohttp import web

    from eventstore_dev.invocation import Limits
    from eventstore_dev.websocket.clock import Clock, Timer
    from eventstore_dev.websocket.event import Client


class Side(Protocol):
    """What a connection tells of."""

    async def message(self, connection: Connection, text: str) -> None:
        """A message came. It is called in the order in which they came, and does not wait for the one before."""

    def ended(self, connection: Connection, closure: Closure) -> None:
        """Nothing more comes, and nothing can be sent; told once."""


class Connection:
    """An open connection.

    Attributes:
        client: Who is at the other end.
        last_active_at: When a message last went either way, in seconds since 1970. Pings do not count.
    """

    def __init__(
        self,
        client: Client,
        request: web.BaseRequest,
        transport: asyncio.Transport,
        side: Side,
        *,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self.client = client
        self.last_active_at = client.connected_at
        self._side = side
        self._limits = limits
        self._clock = clock
        self._wire = Wire(request, transport, limits=limits, received=self._receive, ended=self._end)
        self._waiting: deque[str] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._timers: dict[str, Timer] = {}

    def start(self) -> None:
        """Takes messages from now on; its time runs."""
        self.last_active_at = self._clock.now()
        self._timers["idle"] = self._clock.call_later(self._limits.websocket_idle_seconds, self._check_idle)
        self._timers["lifetime"] = self._clock.call_later(self._limits.websocket_lifetime_seconds, self._go_away)
        self._wire.start()

    async def send(self, text: bytes) -> None:
        """Sends a message, and returns when it is on its way.

        Raises:
            GoneError: The connection is not open any more.
            StalledError: The client reads too slowly.
        """
        await self._wire.send(text)
        self.last_active_at = self._clock.now()

    def close(self, code: int, reason: str) -> None:
        """Begins to close, unless that has begun."""
        self._wire.close(code, reason)

    def abort(self) -> None:
        """Ends it at once, with all that is under way for it."""
        self._wire.abort()
        for task in self._running:
            task.cancel()

    async def wait_until_gone(self) -> None:
        """Returns when the client is disconnected."""
        await self._wire.gone.wait()

    def _receive(self, text: str) -> None:
        self.last_active_at = self._clock.now()
        self._waiting.append(text)
        self._begin()

    def _begin(self) -> None:
        while self._waiting and len(self._running) < self._limits.websocket_concurrency:
            task = asyncio.create_task(self._side.message(self, self._waiting.popleft()))
            self._running.add(task)
            task.add_done_callback(self._finish)
        self._wire.hold(bool(self._waiting))

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._begin()

    def _check_idle(self) -> None:
        left = self.last_active_at + self._limits.websocket_idle_seconds - self._clock.now()
        if left > 0:
            self._timers["idle"] = self._clock.call_later(left, self._check_idle)
        else:
            self._go_away()

    def _go_away(self) -> None:
        self.close(CloseCode.GOING_AWAY, "Going away")

    def _end(self, closure: Closure) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._side.ended(self, closure)
