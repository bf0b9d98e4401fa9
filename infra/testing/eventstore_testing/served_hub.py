"""The server on a store, behind ports that stay."""

from __future__ import annotations

import asyncio

from redis import Redis

from eventstore_server.limits import Limits
from eventstore_server.options import read_options
from eventstore_server.service import Service
from eventstore_testing.clock import MovedClock
from eventstore_testing.relay import Relay

__all__ = ["ServedHub"]

_DATABASES = 16
_DRAIN_SECONDS = 4.0
"""Of which the server keeps three for leaving its partitions."""


class ServedHub:
    """A server that starts again, on an empty store or on the same.

    Args:
        valkey_url: The Valkey that is its store, without a database.

    Attributes:
        http: The port of REST and WebSocket.
        grpc: The port of gRPC.
    """

    def __init__(self, valkey_url: str) -> None:
        self.http = Relay()
        self.grpc = Relay()
        self._valkey_url = valkey_url
        self._database = 0
        self._clock = MovedClock()
        self._service: Service | None = None

    async def open(self) -> None:
        """Open the ports, and start."""
        await self.http.open()
        await self.grpc.open()
        await self.start()

    async def close(self) -> None:
        """Stop, and close the ports."""
        await self.stop()
        await self.http.close()
        await self.grpc.close()

    async def start(self) -> None:
        """Start the server on the store as it is."""
        # Nothing of the environment: it may have the settings of another hub.
        environment = {
            "REDIS_URL": f"{self._valkey_url}/{self._database}",
            "REST_URL": f"http://127.0.0.1:{self.http.port}",
            "ALLOWED_ORIGINS": "*",
            "LOOPBACK_TARGETS": "true",
            "LOG_FORMAT": "plain",
            "LOG_LEVEL": "WARNING",
            "TARGETS": "*",
        }
        options = read_options(["--port", "0", "--grpc-port", "0"], environment)
        service = Service(options, limits=Limits(drain_seconds=_DRAIN_SECONDS), clock=self._clock)
        self._service = service
        await service.start()
        self.http.target, self.grpc.target = service.port, service.grpc_port

    async def stop(self) -> None:
        """Cut all connections, and stop the server. The store stays."""
        self.http.target = self.grpc.target = None
        await self.cut()
        if self._service is not None:
            await self._service.stop()
            self._service = None

    async def reset(self) -> None:
        """Start again on an empty store, at the time of this machine."""
        await self.stop()
        # A thread of the server before may still write, in the database that it knows.
        self._database = (self._database + 1) % _DATABASES
        await asyncio.to_thread(_empty, f"{self._valkey_url}/{self._database}")
        self._clock.ahead_ms = 0
        await self.start()

    async def cut(self) -> int:
        """Cut the connections of all clients, and return their number."""
        return await self.http.cut() + await self.grpc.cut()

    async def advance(self, milliseconds: int) -> None:
        """Move the clock of deadlines, and have the deadlines applied that have passed."""
        self._clock.ahead_ms += milliseconds
        if self._service is not None:
            self._service.workers.request_turns(self._service.workers.owned)


def _empty(url: str) -> None:
    with Redis.from_url(url) as client:
        client.flushdb()
