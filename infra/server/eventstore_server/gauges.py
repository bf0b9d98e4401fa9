"""The values that are read for each scrape, from the parts of the instance."""

from __future__ import annotations

import os
import resource
import time
from collections import Counter as Tally
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from functions.rest.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.ports import Log, Turns
    from eventstore_server.cluster import Cluster
    from eventstore_server.health import Health
    from eventstore_server.live_feed import LiveFeed
    from eventstore_server.metrics.catalogue import ServerMetrics
    from eventstore_server.metrics.registry import Labels
    from eventstore_server.partition_workers import PartitionWorkers
    from eventstore_server.sessions import Sessions

__all__ = ["DispatchLag", "DivergedPartitions", "read_gauges"]

_MOST_EVENTS = 10_000
_PROCESS = Path("/proc/self")


class DispatchLag:
    """How far the turns of the partitions that this instance owns are behind their logs, when it was sampled last.

    Args:
        log: The log.
        turns: Returns the turns, when they are first needed.
        workers: Owns partitions.
        now: Returns the current time, in milliseconds since 1970.
    """

    def __init__(
        self, log: Log, turns: Callable[[], Turns], workers: PartitionWorkers, *, now: Callable[[], int]
    ) -> None:
        self._log = log
        self._turns = turns
        self._workers = workers
        self._now = now
        self.events: Mapping[Labels, float] = {}
        self.seconds: Mapping[Labels, float] = {}

    def sample(self) -> None:
        """Ask the store.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        owned = self._workers.owned
        after = {partition: at for partition, at in self._turns().reached().items() if partition in owned}
        lags = self._log.lag(after, most=_MOST_EVENTS)
        now = self._now()
        self.events = {(str(partition),): lag.events for partition, lag in lags.items()}
        self.seconds = {
            (str(partition),): 0.0 if lag.oldest is None else max(0, now - lag.oldest) / 1000
            for partition, lag in lags.items()
        }


class DivergedPartitions:
    """How many partitions have an index that does not follow its journal, when it was sampled last.

    Args:
        diverged: Returns these partitions; None without a journal.
    """

    def __init__(self, diverged: Callable[[], Sequence[int] | None]) -> None:
        self._diverged = diverged
        self.count: Mapping[Labels, float] = {}

    def sample(self) -> None:
        """Ask the store.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        diverged = self._diverged()
        self.count = {} if diverged is None else {(): len(diverged)}


def read_gauges(
    metrics: ServerMetrics,
    *,
    sessions: Sessions,
    feed: LiveFeed,
    workers: PartitionWorkers,
    cluster: Cluster,
    health: Health,
    lag: DispatchLag,
    diverged: DivergedPartitions,
) -> None:
    """Have the gauges read from these parts. They are read on the thread of the event loop.

    Args:
        metrics: The metrics.
        sessions: The clients.
        feed: Serves ephemeral subscriptions.
        workers: Owns partitions.
        cluster: Knows other instances.
        health: Knows whether the instance is ready.
        lag: Was sampled.
        diverged: Was sampled.
    """
    instance, started = str(sessions.instance), time.time()
    partitions = feed.turns.partitions
    metrics.info.read_with(lambda: {(VERSION, instance): 1})
    metrics.connections.read_with(lambda: Tally((s.door, s.connection.protocol) for s in sessions))
    metrics.buffered_bytes.read_with(lambda: _buffered(sessions))
    metrics.frame_bytes.read_with(lambda: {(door,): count for door, count in sessions.sent_bytes().items()})
    metrics.subscriptions.read_with(lambda: _subscriptions(sessions, feed))
    metrics.live_lag.read_with(lambda: {(str(p.number),): len(p.entries) for p in partitions})
    metrics.behind.read_with(lambda: {(str(p.number),): len(p.behind) for p in partitions})
    metrics.dispatch_lag.read_with(lambda: lag.events)
    metrics.dispatch_lag_seconds.read_with(lambda: lag.seconds)
    metrics.diverged.read_with(lambda: diverged.count)
    metrics.owned.read_with(lambda: {(): len(workers.owned)})
    metrics.instances.read_with(lambda: {(): len(cluster.live)})
    metrics.store_seconds.read_with(lambda: {(): health.ping_seconds})
    metrics.ready.read_with(lambda: {(): int(health.is_ready)})
    metrics.cpu_seconds.read_with(lambda: {(): time.process_time()})
    metrics.memory.read_with(lambda: {(): _resident_bytes()})
    metrics.files.read_with(_open_files)
    metrics.started.read_with(lambda: {(): started})


def _buffered(sessions: Sessions) -> Mapping[Labels, float]:
    total: Tally[Labels] = Tally()
    for session in sessions:
        total[session.door,] += session.waiting_bytes
    return total


def _subscriptions(sessions: Sessions, feed: LiveFeed) -> Mapping[Labels, float]:
    of_connection = Tally(subscription.connection for subscription in feed.turns.subscriptions())
    found = ((sessions.get(connection), count) for connection, count in of_connection.items())
    total: Tally[Labels] = Tally()
    for session, count in found:
        if session is not None:
            total[session.door, session.connection.protocol] += count
    return total


def _resident_bytes() -> int:
    with suppress(OSError):
        # The second number is the resident pages (proc(5)).
        return int((_PROCESS / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    # Not on Linux: the most that there were.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _open_files() -> Mapping[Labels, float]:
    with suppress(OSError):
        return {(): sum(1 for _ in (_PROCESS / "fd").iterdir())}
    return {}
