"""The server: what it consists of, and how it starts and stops."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.follower import RedisFollower
from eventstore.adapters.redis.instances import RedisInstances
from eventstore.frames.instance_messages import decode_message
from eventstore.frames.limits import FrameLimits
from eventstore.hub.events_topic import begin_events_topic
from eventstore.live.catch_up import TurnLimits
from eventstore.ports import ALIVE_MS, LEASE_MS, Lease
from eventstore.ports.instances import InstanceId
from eventstore_server.archiving import ARCHIVE_SECONDS, Archiving
from eventstore_server.cluster import Cluster
from eventstore_server.dead_instances import remove_connections
from eventstore_server.doors import Doors
from eventstore_server.gauges import DispatchLag, DivergedPartitions, read_gauges
from eventstore_server.gone_connections import GoneConnections
from eventstore_server.health import Health
from eventstore_server.http_port import HttpPort
from eventstore_server.hub import ServerHub
from eventstore_server.limits import Limits
from eventstore_server.live_feed import LiveFeed
from eventstore_server.partition_workers import PartitionWorkers
from eventstore_server.push_queue import PushQueue
from eventstore_server.pushers import pushing_of
from eventstore_server.queues import InstanceQueue, instance_deliveries
from eventstore_server.scheduled_work import ScheduledWork
from eventstore_server.sessions import GOING_AWAY, Sessions
from eventstore_server.shared_subscriptions import SharedSubscriptions
from eventstore_server.telemetry import Telemetry
from eventstore_server.wakeups import InstanceWakeups
from functions.hub import provide

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.ports import Clock, EphemeralSubscriptions, Turn
    from eventstore.subscriptions import ConnectionId
    from eventstore_server.options import Options

__all__ = ["Service", "new_instance"]

_LOGGER = logging.getLogger(__name__)

_SWEEP_SECONDS = 60.0
_SWEEP_MS = 30_000
_TURN_THREADS, _PUSH_THREADS, _BACKGROUND_THREADS = 8, 16, 4
_LAG_SECONDS = 5.0
_LEAVING_SECONDS = 3.0
"""What is kept, of the time for stopping, for giving up partitions and leaving."""


class Service:
    """One instance of the server.

    Args:
        options: How it runs.
        instance: Its id; None draws one.
        limits: Sizes and times.
        telemetry: Measures and traces; None traces nothing.
        clock: Replaces the clock of deadlines, for tests; see `ServerHub`.
    """

    def __init__(
        self,
        options: Options,
        *,
        instance: InstanceId | None = None,
        limits: Limits | None = None,
        telemetry: Telemetry | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._options = options
        self._limits = limits or Limits()
        self.instance = instance or new_instance()
        self._telemetry = telemetry or Telemetry.of()
        self.health = Health(
            self._check_store,
            alive={
                "live-feed": lambda: self.feed.is_alive,
                "commands": lambda: self.workers.is_alive,
                "cluster": lambda: self.cluster.is_alive,
            },
        )
        self._pools = {
            name: ThreadPoolExecutor(size, thread_name_prefix=name)
            for name, size in (
                ("live", _TURN_THREADS),
                ("turn", _TURN_THREADS),
                ("push", _PUSH_THREADS),
                ("background", _BACKGROUND_THREADS),
            )
        }
        self._pushes: PushQueue | None = None
        self._scheduled = ScheduledWork(self._pools["background"])
        self.hub = ServerHub(
            options.settings,
            lease=Lease(self.instance, LEASE_MS),
            ephemeral=self._ephemeral,
            turn_began=self._turn_began,
            storing=lambda partition: self.feed.storing(partition),  # noqa: PLW0108 - the feed is made later
            dispatches=options.dispatches,
            telemetry=self._telemetry,
            clock=clock,
        )

    async def start(self) -> None:
        """Connect to the store, and open all doors.

        Raises:
            StoreUnavailable: The store does not answer.
            SettingsError: The topic of Kafka for other programs is not as the hub needs it.
            OSError: A port is taken.
        """
        # First: a port that is taken is an error before anything else happens, and the URL for references has the port.
        self._port = HttpPort(self._options.host, self._options.port)
        if not self.hub.settings.rest_url:
            self.hub.settings = replace(self.hub.settings, rest_url=f"http://127.0.0.1:{self.port}")
        provide(self.hub)
        loop = asyncio.get_running_loop()
        self.sessions = Sessions(self.instance, loop)
        self.workers = self._new_workers(loop)
        self.feed = await asyncio.to_thread(self._new_feed)
        self.cluster = self._new_cluster()
        self._wire_hub()
        if not self._options.settings.pushes_url:
            self._push_from_here(loop)
        await asyncio.to_thread(self.cluster.run)
        self.sessions.is_away = self.cluster.is_away
        self.feed.run()
        self.workers.run()
        await asyncio.to_thread(begin_events_topic, self.hub)
        self._doors = self._new_doors()
        await self._doors.open()
        self._measure()
        self._schedule()
        self.health.start()

    def _new_workers(self, loop: asyncio.AbstractEventLoop) -> PartitionWorkers:
        hub = self.hub
        return PartitionWorkers(
            lambda: hub.dispatcher,
            lambda: hub.turns,
            RedisFollower(hub.redis, self._options.settings.redis_url),
            threads=self._pools["turn"],
            loop=loop,
            now=hub.clock.now,
            taken_over=self._take_over,
            released=self._released,
            observer=self._telemetry.turns,
        )

    def _new_feed(self) -> LiveFeed:
        hub, latency = self.hub, self._telemetry.latency
        limits = TurnLimits(
            behind_events=2000,
            behind_together=4000,
            sent_bytes=1024 * 1024,
            frames=FrameLimits(shards=1, addresses=100_000, posts=1_000_000),
            events_url=f"{hub.settings.rest_url}/api/v1/events",
        )
        return LiveFeed(
            hub.log_of_feed,
            RedisFollower(hub.redis, self._options.settings.redis_url, read_ahead=hub.read_ahead_of_feed),
            self.sessions,
            threads=self._pools["live"],
            limits=limits,
            moved=self.workers.log_moved,
            observer=self._telemetry.turns,
            # After the frames, which were posted before.
            sent=lambda events: self.sessions.after_posts(lambda: latency.sent(events, at=time.monotonic())),
        )

    def _new_cluster(self) -> Cluster:
        reader = connect(self._options.settings.redis_url)
        return Cluster(
            self.instance,
            RedisInstances(self.hub.redis, alive_ms=ALIVE_MS, reader=reader),
            partitions=self.hub.log.partitions,
            alive_seconds=ALIVE_MS / 1000,
            has_journal=self.hub.journal is not None,
            owns=self._own,
            lost=self._take_turns,
            received=self._receive,
            died=self._remove_connections_of,
            was_away=self._begin_anew,
        )

    def _wire_hub(self) -> None:
        """Have the hub send to this instance, to the others, and to the functions if they share the store."""
        hub = self.hub
        beside_functions = hub.functions_queue is not None
        self._queue = hub.dispatch_queue = InstanceQueue(
            hub,
            cluster=self.cluster,
            workers=self.workers,
            feed=self.feed,
            threads=self._pools["turn"],
            functions=None if self._options.dispatches else hub.functions_queue,
        )
        if self._options.dispatches:
            hub.wakeups = InstanceWakeups(
                self.feed,
                self.workers,
                self._queue,
                wake_others=self.cluster.request_turns if beside_functions else None,
            )
        queue = (lambda: hub.functions_deliveries) if beside_functions else None
        gone = GoneConnections(
            lambda connection: hub.members.disconnect(connection, orderly=True), threads=self._pools["turn"]
        )
        self.sessions.gone = gone.remove
        hub.deliveries = instance_deliveries(self.sessions, self.cluster, queue, gone=gone.remove)

    def _push_from_here(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have this process make the pushes of its partitions."""
        hub = self.hub
        hub.pushes = self._pushes = PushQueue(
            lambda: hub.pusher,
            threads=self._pools["push"],
            loop=loop,
            now=hub.clock.now,
            pushed=self._telemetry.metrics.pushes.add,
        )
        hub.pushing = pushing_of(self.instance, self._pushes, live=lambda: self.cluster.live)

    def _new_doors(self) -> Doors:
        return Doors(
            self._port,
            self.hub,
            self.sessions,
            options=self._options,
            limits=self._limits,
            health=self.health,
            telemetry=self._telemetry,
            drained=self._drained,
        )

    def _measure(self) -> None:
        hub = self.hub
        self._lag = DispatchLag(hub.log, lambda: hub.turns, self.workers, now=hub.clock.now)
        self._diverged = DivergedPartitions(hub.diverged_partitions)
        read_gauges(
            self._telemetry.metrics,
            sessions=self.sessions,
            feed=self.feed,
            workers=self.workers,
            cluster=self.cluster,
            health=self.health,
            lag=self._lag,
            diverged=self._diverged,
        )

    async def stop(self) -> None:
        """Close all connections with a reason, hand the partitions over, and leave. Clients resume elsewhere.

        It takes at most `drain_seconds`. Requests that take longer are cut off.
        """
        # Probes see it before anything is refused.
        self.health.drain()
        loop = asyncio.get_running_loop()
        end = loop.time() + self._limits.drain_seconds
        await asyncio.sleep(self._limits.notice_seconds)
        self._scheduled.stop()
        if hasattr(self, "_doors"):
            await self._doors.close(seconds=end - _LEAVING_SECONDS - loop.time())
        try:
            async with asyncio.timeout_at(end):
                await self._leave()
        except TimeoutError:
            _LOGGER.warning("stopping took longer than %g s; leases end by themselves", self._limits.drain_seconds)
        if hasattr(self, "_doors"):
            self._doors.end()
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
        self.hub.close()

    async def _leave(self) -> None:
        """Give up partitions, leave the other instances, and export what was traced."""
        steps: list[Callable[[], object]] = [self._telemetry.tracing.close]
        if hasattr(self, "cluster"):
            self.feed.stop()
            self.workers.stop()
            steps = [self._pools["turn"].shutdown, self.cluster.stop, *steps]
        for step in steps:
            await asyncio.get_running_loop().run_in_executor(self._pools["background"], step)

    @property
    def port(self) -> int:
        """The port of REST and WebSocket."""
        return self._port.number

    @property
    def grpc_port(self) -> int:
        """The port of gRPC."""
        return self._doors.grpc_port

    def _check_store(self) -> None:
        self.hub.log.ping()

    # Partitions and other instances

    def _own(self, partitions: frozenset[int]) -> None:
        self.workers.own(partitions if self._options.dispatches else frozenset())

    def _take_turns(self) -> None:
        """Take a turn of each partition: pushes of an instance that has died, or of this one, may be lost."""
        self.workers.request_turns(self.workers.owned)

    def _take_over(self) -> None:
        # What the owner before has sent to clients of this instance reaches them first.
        self.cluster.receive_earlier()

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
        remove_connections(dead, self.hub.registry, self.hub.members)

    def _begin_anew(self) -> None:
        """Leave to the others what they have taken over meanwhile."""
        if self._pushes is not None:
            self._pushes.clear(self.workers.owned)
        self._take_turns()
        self.sessions.close_all(code=GOING_AWAY, detail="the server was away; resume from your cursors")

    def _drained(self, _: ConnectionId) -> None:
        self.feed.request_turns(range(self.hub.log.partitions))

    # Scheduled work

    def _schedule(self) -> None:
        self._scheduled.every(_SWEEP_SECONDS, "the sweep", self._sweep)
        self._scheduled.every(_LAG_SECONDS, "measuring the lag", self._lag.sample)
        self._scheduled.every(_LAG_SECONDS, "looking for diverged partitions", self._diverged.sample)
        self._scheduled.every(self._limits.ping_seconds, "pinging", self._doors.ping, blocks=False)

        if self.hub.settings.archive is not None:
            self._scheduled.every(ARCHIVE_SECONDS, "archiving", Archiving(self.hub, lambda: self.workers.owned).run)

    def _sweep(self) -> None:
        self.feed.end_orphans()
        # The owner of partition 0 sweeps, so that one instance does. Where functions dispatch, theirs sweeps.
        if 0 in self.workers.owned:
            self.hub.sweeper.sweep(until=self.hub.clock.now() + _SWEEP_MS)


def new_instance() -> InstanceId:
    """Draw the id of an instance."""
    return InstanceId(secrets.token_hex(4))
