"""All doors of an instance: REST and WebSocket on one port, gRPC on another."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from eventstore_server.authorizing import Authorizer
from eventstore_server.console_door import ConsoleDoor
from eventstore_server.grpc.door import GrpcDoor
from eventstore_server.http_doors import HttpDoors
from eventstore_server.metrics_door import MetricsDoor
from eventstore_server.rest_door import RestDoor
from eventstore_server.sessions import GOING_AWAY, STOPPING
from eventstore_server.websocket_door import WebSocketDoor
from eventstore_server.worker_threads import WorkerThreads
from functions.authorizer.app import credential_checker

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.subscriptions import ConnectionId
    from eventstore_server.health import Health
    from eventstore_server.http_port import HttpPort
    from eventstore_server.hub import ServerHub
    from eventstore_server.limits import Limits
    from eventstore_server.options import Options
    from eventstore_server.sessions import Sessions
    from eventstore_server.telemetry import Telemetry

__all__ = ["Doors"]

_LOGGER = logging.getLogger(__name__)

_REQUEST_THREADS, _MESSAGE_THREADS, _CALL_THREADS = 64, 16, 16

_CANCELLING_SECONDS = 1.0
"""Of the time for closing: for what is cut off in the end."""


class Doors:
    """The doors of an instance.

    Args:
        port: The port of REST and WebSocket, which is bound.
        hub: The use cases.
        sessions: The clients of the instance.
        options: Address, credentials and pages.
        limits: Sizes and times.
        health: Knows how the instance is.
        telemetry: Measures and traces.
        drained: Called when a congested client has read what it was sent, with its connection.
    """

    def __init__(
        self,
        port: HttpPort,
        hub: ServerHub,
        sessions: Sessions,
        *,
        options: Options,
        limits: Limits,
        health: Health,
        telemetry: Telemetry,
        drained: Callable[[ConnectionId], None],
    ) -> None:
        check = credential_checker() if options.settings.authorizes else None
        authorizer = Authorizer(check)
        self._threads = requests, messages, calls = (
            WorkerThreads(_REQUEST_THREADS, name="request"),
            WorkerThreads(_MESSAGE_THREADS, name="message"),
            WorkerThreads(_CALL_THREADS, name="call"),
        )
        self._port = port
        self._websockets = WebSocketDoor(
            sessions, authorizer, threads=messages, limits=limits, drained=drained, telemetry=telemetry
        )
        self._http = HttpDoors(
            RestDoor(
                authorizer,
                threads=requests,
                limits=limits,
                tracing=telemetry.tracing,
                open_to_pages=bool(options.settings.allowed_origins),
            ),
            self._websockets,
            MetricsDoor(telemetry.metrics, authorizer, threads=requests),
            ConsoleDoor(auth=options.settings.auth),
            health=health,
            metrics=telemetry.metrics,
            origins=options.origins,
        )
        self._grpc = GrpcDoor(
            hub,
            sessions,
            threads=calls,
            options=replace(
                options.grpc,
                host=options.host,
                port=options.grpc_port,
                check=check,
                buffer_bytes=limits.buffer_bytes,
            ),
            drained=drained,
            telemetry=telemetry,
        )

    @property
    def grpc_port(self) -> int:
        """The port of gRPC."""
        return self._grpc.port

    async def open(self) -> None:
        """Serve from now on.

        Raises:
            OSError: The port of gRPC is taken.
        """
        await self._grpc.start()
        await self._port.open(self._http)

    def ping(self) -> None:
        """Send every WebSocket client a ping. gRPC does that by itself."""
        self._websockets.ping()

    async def close(self, *, seconds: float) -> None:
        """Accept nothing more, disconnect clients with a reason, and let requests end.

        Args:
            seconds: How long that may take. What has not ended then is cut off.
        """
        waiting = seconds - _CANCELLING_SECONDS
        closing = self._websockets.stop(code=GOING_AWAY, detail=STOPPING)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(self._port.close(closing, seconds=waiting), self._grpc.drain(waiting))
        except TimeoutError:
            _LOGGER.warning("some connections are left after %.1f s", seconds)

    def end(self) -> None:
        """End the threads. What is left of connections that were closed is done with them until then."""
        for threads in self._threads:
            threads.close()
