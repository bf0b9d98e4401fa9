"""What events cost the cache that are in the archive alone, and how fast they are read."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from eventstore.adapters.clock import SystemClock
from eventstore.adapters.files.objects import FileObjects
from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.hot_window import RedisHotWindow
from eventstore.adapters.redis.log import RedisLog
from eventstore.adapters.redis.partitions import Partitions
from eventstore.archive.archiver import Archiver, ArchiverLimits
from eventstore.archive.history import ArchivedHistory
from eventstore.archive.sealing import SealLimits
from eventstore.positions import BEGINNING
from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.examples import Events
from tests.benchmarks.measure import Aim, Figure, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore.ports import Log

__all__ = ["figures"]

_EVENTS = 100_000
_BYTES = 477
_COLD = 0.95
"""The part of the store's events that are cold."""
_PAGE = 500
_FOREVER = 1 << 50
_AT_ONCE = ArchiverLimits(seal=SealLimits(age_ms=0), maintained_ms=_FOREVER, hot_ms=0)


def figures() -> Iterator[Figure]:
    """Memory, and reading the log from its beginning."""
    with TemporaryDirectory() as folder, ValkeyServer.start() as server, closing(connect(server.url)) as found:
        client: Any = found
        clock, partitions, objects = SystemClock(), Partitions(client), FileObjects(Path(folder))
        events = Events(size=_BYTES)
        log = RedisLog(client, partitions=partitions)
        before = client.info("memory")["used_memory"]
        for stream, event in events.streams(int(_EVENTS * _COLD)):
            log.append(stream, [event])
        log.locate("an id that no event has, so that all are indexed")
        hot = client.info("memory")["used_memory"] - before
        from_memory = _seconds_to_read(log)
        window = RedisHotWindow(partitions)
        Archiver(log, objects, clock=clock, window=window, limits=_AT_ONCE).run(until=_FOREVER)
        for stream, event in events.streams(_EVENTS - int(_EVENTS * _COLD)):
            log.append(stream, [event])
        log.locate("an id that no event has, so that all are indexed")
        used = client.info("memory")["used_memory"] - before
        yield Figure(
            f"Memory of a store with {_COLD:.0%} of its events in the archive alone, against all in memory",
            used / (hot / _COLD),
            Unit.RATIO,
            Aim("≤", 0.25),
        )
        history = ArchivedHistory(objects, partitions=lambda: partitions.count, clock=clock)
        from_archive = _seconds_to_read(RedisLog(client, partitions=partitions, history=history))
        what = f"Catching up with a log of {_EVENTS:,} events, {_COLD:.0%} of them in the archive alone"
        yield Figure(what, _EVENTS / from_archive, Unit.RATE, Aim("≥", 20_000))
        yield Figure(f"{what}, against one in memory, by time", from_archive * _COLD / from_memory, Unit.RATIO)


def _seconds_to_read(log: Log) -> float:
    """Return how long it takes to read all events once, partition by partition."""
    began = time.perf_counter()
    for partition in range(log.partitions):
        position, at_end = BEGINNING, False
        while not at_end:
            tail = log.tail({partition: position}, count=_PAGE)[partition]
            position, at_end = tail.position, tail.at_end
    return time.perf_counter() - began
