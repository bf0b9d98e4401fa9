"""The gRPC server of an instance."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from eventstore.errors import SettingsError
from eventstore_proto.flunq.eventstore.v1 import (
    event_store_service_pb2,
    operations_service_pb2,
    stream_service_pb2,
    subscription_service_pb2,
)
from eventstore_server.grpc.call import Call
from eventstore_server.grpc.connections import Connections
from eventstore_server.grpc.dead_letters import DeadLetterCalls
from eventstore_server.grpc.drain import Drain
from eventstore_server.grpc.durables import DurableCalls
from eventstore_server.grpc.event_store import EventStoreService
from eventstore_server.grpc.methods import handlers_of
from eventstore_server.grpc.operations import OperationsService
from eventstore_server.grpc.statuses import SessionClosed
from eventstore_server.grpc.streams import StreamService
from eventstore_server.sessions import GOING_AWAY, STOPPING
from eventstore_server.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

    from eventstore.hub.hub import Hub
    from eventstore.subscriptions import ConnectionId
    from eventstore_server.grpc.options import GrpcOptions
    from eventstore_server.sessions import Sessions
    from eventstore_server.worker_threads import WorkerThreads

__all__ = ["SERVICES", "GrpcDoor"]

SERVICES: tuple[ServiceDescriptor, ...] = (
    event_store_service_pb2.DESCRIPTOR.services_by_name["EventStoreService"],
    stream_service_pb2.DESCRIPTOR.services_by_name["StreamService"],
    subscription_service_pb2.DESCRIPTOR.services_by_name["SubscriptionService"],
    operations_service_pb2.DESCRIPTOR.services_by_name["OperationsService"],
)

_CANCELLED = grpc.StatusCode.CANCELLED.name
_SERVING = health_pb2.HealthCheckResponse.SERVING


class SubscriptionService(DurableCalls, DeadLetterCalls):
    """Manages durable subscriptions, and the streams that they have parked."""


class GrpcDoor:
    """Serves gRPC. `start` and `drain` are called on the thread of the event loop.

    Args:
        hub: The use cases.
        sessions: The sessions of the instance.
        threads: Where use cases run, since they block.
        options: The options.
        drained: Called when a congested client has read what it was sent, with its connection.
        telemetry: Measures and traces calls; None does neither.
    """

    def __init__(
        self,
        hub: Hub,
        sessions: Sessions,
        *,
        threads: WorkerThreads,
        options: GrpcOptions,
        drained: Callable[[ConnectionId], None] = lambda _: None,
        telemetry: Telemetry | None = None,
    ) -> None:
        telemetry = telemetry or Telemetry.of()
        self._hub = hub
        self._metrics, self._tracing = telemetry.metrics, telemetry.tracing
        self._threads = threads
        self._options = options
        self._connections = Connections(
            sessions, buffer_bytes=options.buffer_bytes, drained=drained, metrics=telemetry.metrics
        )
        self._health = health.aio.HealthServicer()
        self._server: grpc.aio.Server | None = None
        self._port = 0
        self._drain = Drain()
        self._calls = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def port(self) -> int:
        """The port that is bound; 0 before `start`."""
        return self._port

    async def start(self) -> None:
        """Bind the port and serve.

        Raises:
            SettingsError: `AUTH` requires credentials, and the options do not say how to check them.
            OSError: The port cannot be bound.
        """
        if self._hub.settings.auth != "none" and self._options.check is None:
            raise SettingsError(f"AUTH={self._hub.settings.auth}: nothing checks such credentials here; use jwt or key")
        server = grpc.aio.server(options=self._channel_options())
        implementations: Mapping[str, object] = {
            "EventStoreService": EventStoreService(self._connections),
            "StreamService": StreamService(),
            "SubscriptionService": SubscriptionService(),
            "OperationsService": OperationsService(),
        }
        server.add_generic_rpc_handlers(
            tuple(handlers_of(service, implementations[service.name], new_call=self._new_call) for service in SERVICES)
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = [service.full_name for service in SERVICES]
        reflection.enable_server_reflection((*names, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
        self._port = self._bound(server)
        await server.start()
        self._server = server
        for name in ("", *names):
            await self._health.set(name, _SERVING)

    async def drain(self, seconds: float) -> None:
        """Report NOT_SERVING, refuse new calls, and finish those that are served.

        Subscriptions end, so that they resume elsewhere, and so do calls that wait for what their client sends next.

        Args:
            seconds: How long calls may take to finish; then they are cancelled.
        """
        if self._server is None:
            return
        server, self._server = self._server, None
        await self._health.enter_graceful_shutdown()
        self._drain.begin(SessionClosed(GOING_AWAY, STOPPING))
        self._connections.close(GOING_AWAY, STOPPING)
        # Not by the grace of `stop`: those who watch the health of the server would use it up.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        await server.stop(0)
        await self._connections.removed()

    def _bound(self, server: grpc.aio.Server) -> int:
        address = f"{self._options.host}:{self._options.port}"
        credentials = self._options.credentials()
        try:
            if credentials is None:
                return server.add_insecure_port(address)
            return server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise OSError(
                f"gRPC cannot listen on {address}: the port is taken (choose another: GRPC_PORT=…, or --grpc-port), or "
                "the certificate is not valid"
            ) from error

    @contextmanager
    def _new_call(self, context: grpc.aio.ServicerContext[Any, Any], method: MethodDescriptor) -> Iterator[Call]:
        name = f"{method.containing_service.full_name}/{method.name}"
        call = Call(
            context, self._hub, self._threads, self._options.check, self._drain, name=name, tracing=self._tracing
        )
        self._calls += 1
        self._idle.clear()
        began = time.monotonic()
        try:
            yield call
        except asyncio.CancelledError:
            call.code = _CANCELLED
            raise
        finally:
            self._metrics.calls.add(name, call.code)
            if not (method.client_streaming or method.server_streaming):
                self._metrics.call_seconds.observe(time.monotonic() - began, name)
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    def _channel_options(self) -> tuple[tuple[str, int], ...]:
        milliseconds = self._options.keepalive_seconds * 1000
        return (
            # Otherwise two servers could share a port, and each would get some of the calls.
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", self._options.message_bytes),
            ("grpc.keepalive_time_ms", milliseconds),
            ("grpc.keepalive_timeout_ms", milliseconds // 3),
            # Clients may ping as often as the server does, also while a subscription is quiet.
            ("grpc.http2.min_ping_interval_without_data_ms", milliseconds // 3),
            ("grpc.keepalive_permit_without_calls", 1),
        )
