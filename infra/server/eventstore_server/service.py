"""The server: what it consists of, and how it starts and stops."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from aiohttp import web

from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.follower import RedisFollower
from eventstore.adapters.redis.instances import RedisInstances
from eventstore.errors import EventstoreError
from eventstore.frames.instance_messages import decode_message
from eventstore.frames.limits import FrameLimits
from eventstore.live.catch_up import TurnLimits
from eventstore.live.instance_connections import instance_of
from eventstore.ports import FIRST_LISTED, Lease
from eventstore.ports.instances import InstanceId
from eventstore_hosting.server import Server
from eventstore_server.authorizing import Authorizer
from eventstore_server.cluster import Cluster
from eventstore_server.grpc.door import GrpcDoor
from eventstore_server.http_doors import HttpDoors
from eventstore_server.hub import ServerHub
from eventstore_server.limits import Limits
from eventstore_server.live_feed import LiveFeed
from eventstore_server.partition_workers import PartitionWorkers
from eventstore_server.push_queue import PushQueue
from eventstore_server.queues import InstanceQueue, instance_deliveries
from eventstore_server.rest_door import RestDoor
from eventstore_server.sessions import Sessions
from eventstore_server.shared_subscriptions import SharedSubscriptions
from eventstore_server.websocket_door import WebSocketDoor
from functions.authorizer.app import credential_checker
from functions.hub import provide

if TYPE_CHECKING:
    from eventstore.ports import EphemeralSubscriptions, Turn
    from eventstore.subscriptions import ConnectionId
    from eventstore_server.options import Options

__all__ = ["Service"]

_LOGGER = logging.getLogger(__name__)

_LEASE_MS = 4000
_ALIVE_SECONDS = 3.0
_SWEEP_SECONDS = 60.0
_SWEEP_MS = 30_000
_REQUEST_THREADS, _MESSAGE_THREADS, _CALL_THREADS, _TURN_THREADS, _PUSH_THREADS = 64, 16, 16, 8, 16

_BACKLOG = 4096
_CLOSE_CODE, _CLOSE_DETAIL = "going-away", "the server stops; connect again and resume from your cursors"


class Service:
    """One instance of the server.

    Args:
        options: How it runs.
        limits: Sizes and times.
    """

    def __init__(self, options: Options, *, limits: Limits | None = None) -> None:
        self._options = options
        self._limits = limits or Limits()
        self.instance = InstanceId(secrets.token_hex(4))
        self.is_ready = False
        self._pools = {
            name: ThreadPoolExecutor(size, thread_name_prefix=name)
            for name, size in (
                ("request", _REQUEST_THREADS),
                ("message", _MESSAGE_THREADS),
                ("call", _CALL_THREADS),
                ("live", _TURN_THREADS),
                ("turn", _TURN_THREADS),
                ("push", _PUSH_THREADS),
            )
        }
        self._stopped = threading.Event()
        self._background: list[asyncio.Task[None]] = []
        self.hub = ServerHub(
            options.settings,
            lease=Lease(self.instance, _LEASE_MS),
            ephemeral=self._ephemeral,
            turn_began=self._turn_began,
            dispatches=options.dispatches,
        )

    async def start(self) -> None:
        """Connect to the store, and open all doors.

        Raises:
            StoreUnavailable: The store does not answer.
            OSError: A port is taken.
        """
        loop = asyncio.get_running_loop()
        # First: a port that is taken is an error before anything else happens, and the URL for references has the port.
        self._socket = _listen(self._options.host, self._options.port)
        self.sessions = Sessions(self.instance, loop)
        if not self.hub.settings.rest_url:
            self.hub.settings = replace(self.hub.settings, rest_url=f"http://127.0.0.1:{self.port}")
        provide(self.hub)
        hub, url = self.hub, self._options.settings.redis_url
        now = hub.clock.now
        limits = TurnLimits(
            behind_together=4000,
            sent_bytes=2 * 1024 * 1024,
            frames=replace(FrameLimits(), shards=1, addresses=100_000, posts=1_000_000),
            events_url=f"{hub.settings.rest_url}/api/v1/events",
        )
        self.workers = PartitionWorkers(
            lambda: hub.dispatcher,
            lambda: hub.turns,
            RedisFollower(url),
            threads=self._pools["turn"],
            loop=loop,
            now=now,
            released=self._released,
        )
        self.feed = await asyncio.to_thread(
            LiveFeed,
            hub.log_of_feed,
            RedisFollower(url, read_ahead=hub.read_ahead_of_feed),
            self.sessions,
            threads=self._pools["live"],
            limits=limits,
            moved=self.workers.log_moved,
        )
        self.cluster = Cluster(
            self.instance,
            RedisInstances(hub.redis, reader=connect(url), alive_ms=int(_ALIVE_SECONDS * 1000)),
            partitions=hub.log.partitions,
            alive_seconds=_ALIVE_SECONDS,
            owns=self._own,
            received=self._receive,
            died=self._remove_connections_of,
            was_away=self._reconnect_all,
        )
        self._queue = hub.dispatch_queue = InstanceQueue(
            hub,
            cluster=self.cluster,
            workers=self.workers,
            feed=self.feed,
            threads=self._pools["turn"],
            functions=None if self._options.dispatches else hub.functions_queue,
        )
        beside_functions = hub.functions_queue is not None
        queue = (lambda: hub.functions_deliveries) if beside_functions else None
        hub.deliveries = instance_deliveries(self.sessions, self.cluster, queue)
        if not self._options.settings.pushes_url:
            hub.pushes = PushQueue(lambda: hub.pusher, threads=self._pools["push"], now=now)
        await asyncio.to_thread(self.cluster.run)
        self.feed.run()
        self.workers.run()
        await self._open_doors()
        self._background = [loop.create_task(self._sweep()), loop.create_task(self._ping())]
        self.is_ready = True

    async def stop(self) -> None:
        """Close all connections with a reason, hand the partitions over, and leave. Clients resume elsewhere."""
        self.is_ready = False
        for task in self._background:
            task.cancel()
        if hasattr(self, "_runner"):
            for site in list(self._runner.sites):
                await site.stop()
        try:
            async with asyncio.timeout(self._limits.drain_seconds):
                async with asyncio.TaskGroup() as endings:
                    if hasattr(self, "_websockets"):
                        endings.create_task(self._websockets.stop(code=_CLOSE_CODE, detail=_CLOSE_DETAIL))
                    if hasattr(self, "_grpc"):
                        endings.create_task(self._grpc.drain(self._limits.drain_seconds - 1))
        except TimeoutError:
            _LOGGER.warning("some connections did not end within %g s", self._limits.drain_seconds)
        if hasattr(self, "_runner"):
            await self._runner.cleanup()
        if hasattr(self, "cluster"):
            self.feed.stop()
            self.workers.stop()
            await asyncio.to_thread(self._pools["turn"].shutdown)
            await asyncio.to_thread(self.cluster.stop)
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
        self.hub.close()

    @property
    def port(self) -> int:
        """The port of REST and WebSocket."""
        return int(self._socket.getsockname()[1])

    @property
    def grpc_port(self) -> int:
        """The port of gRPC."""
        return self._grpc.port

    async def _open_doors(self) -> None:
        settings, limits = self._options.settings, self._limits
        authorizer = Authorizer(credential_checker() if settings.authorizes else None)
        self._websockets = WebSocketDoor(
            self.sessions, authorizer, threads=self._pools["message"], limits=limits, drained=self._drained
        )
        rest = RestDoor(
            authorizer,
            threads=self._pools["request"],
            limits=limits,
            open_to_pages=bool(settings.allowed_origins),
        )
        doors = HttpDoors(rest, self._websockets, self, origins=self._options.origins)
        server = Server(doors.serve, terminal=doors)
        self._runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=limits.drain_seconds)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket, backlog=_BACKLOG).start()
        self._grpc = GrpcDoor(
            self.hub,
            self.sessions,
            threads=self._pools["call"],
            options=replace(
                self._options.grpc,
                host=self._options.host,
                port=self._options.grpc_port,
                check=credential_checker() if settings.authorizes else None,
                buffer_bytes=limits.buffer_bytes,
            ),
            drained=self._drained,
        )
        await self._grpc.start()

    # Partitions and other instances

    def _own(self, partitions: frozenset[int]) -> None:
        self.workers.own(partitions if self._options.dispatches else frozenset())

    def _turn_began(self, turn: Turn) -> None:
        self.workers.observe(turn)

    def _receive(self, message: bytes) -> None:
        partitions, parts = decode_message(message)
        self._queue.requested(partitions)
        if parts:
            self.sessions.post(parts)

    def _released(self, partition: int) -> None:
        # If no other instance continues, the function `dispatch` does.
        if self.hub.functions_queue is not None:
            self.hub.functions_queue.request_turns([partition])

    def _ephemeral(self) -> EphemeralSubscriptions:
        if self.hub.functions_queue is None:
            return self.feed
        return SharedSubscriptions(self.feed, self.hub.stored_subscriptions)

    def _remove_connections_of(self, dead: InstanceId) -> None:
        registry, members = self.hub.registry, self.hub.members
        after = FIRST_LISTED
        while listed := registry.listed(after=after, count=500):
            for connection in listed:
                if instance_of(connection.id) == dead:
                    members.disconnect(connection.id)
            after = listed[-1]

    def _reconnect_all(self) -> None:
        connections = dict.fromkeys(session.connection.id for session in self.sessions)
        self.sessions.close_soon(connections, code="going-away", detail="the server was away; resume from your cursors")

    def _drained(self, _: ConnectionId) -> None:
        self.feed.request_turns(range(self.hub.log.partitions))

    # Scheduled work

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            await asyncio.to_thread(self.feed.end_orphans)
            # The lease of partition 0 decides, so that one instance sweeps. Where functions dispatch, theirs sweeps.
            if 0 in self.workers.owned:
                await asyncio.to_thread(self.sweep)

    def sweep(self) -> None:
        """Repeat lost wake-ups, and remove what has expired."""
        try:
            self.hub.sweeper.sweep(until=self.hub.clock.now() + _SWEEP_MS)
        except EventstoreError as error:
            _LOGGER.warning("the sweep: %s: %s", error.code, error.detail)
        except Exception:
            _LOGGER.exception("the sweep failed")

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(self._limits.ping_seconds)
            self._websockets.ping()


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to the address.

    Raises:
        OSError: The port is taken, or the address is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG, reuse_port=False)
    except OSError as error:
        raise OSError(f"{host}:{port} cannot be used: {error.strerror or error}; choose another: --port") from error
