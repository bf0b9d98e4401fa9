"""Subscriptions from the start, over what is stored: a worker's turns alone, and the whole local stack."""

from __future__ import annotations

import time
from contextlib import closing
from statistics import median
from typing import TYPE_CHECKING

from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.log import RedisLog
from eventstore.filters import parse_filters
from eventstore.subscriptions import Subscription
from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.examples import EVENT_BYTES, Events
from tests.benchmarks.hub import running_hub
from tests.benchmarks.measure import Figure, Unit
from tests.benchmarks.partition import Partition
from tests.benchmarks.placement import apart_from
from tests.benchmarks.subscribers import Subscribers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore.ports import Log

__all__ = ["figures"]

_EVENTS = 20_000
_BATCH = 100
_ROUNDS = 5


def figures() -> Iterator[Figure]:
    """One subscription after the other, each to all events."""
    what = f"{_EVENTS:,} events"
    yield Figure(f"{what}: turns alone, in one partition", _EVENTS / _turns(), Unit.RATE)
    yield Figure(f"{what}: through the local stack, in all partitions", _EVENTS / _stack(), Unit.RATE)


def _turns() -> float:
    with apart_from(ValkeyServer.start) as server, closing(connect(server.url)) as client:
        partition = Partition(client)
        _fill(partition.log)
        partition.serve()
        seconds = []
        for number in range(_ROUNDS):
            subscription = Subscription(f"{number:024x}", f"connection-{number}", "s", parse_filters([]))
            partition.join(subscription)
            began = time.perf_counter()
            size = partition.serve()
            seconds.append(time.perf_counter() - began)
            if size < _EVENTS * EVENT_BYTES:
                raise AssertionError(f"{size} bytes were sent; there are {_EVENTS} events of {EVENT_BYTES}")
            partition.leave(subscription)
    return median(seconds)


def _stack() -> float:
    with ValkeyServer.start() as server:
        with closing(connect(server.url)) as client:
            _fill(RedisLog(client))
        with running_hub(server.url) as url:
            seconds = []
            for _ in range(_ROUNDS):
                with Subscribers.joined(url) as subscribers:
                    seconds.append(subscribers.catch_up(_EVENTS))
    return median(seconds)


def _fill(log: Log) -> None:
    events = Events()
    for _ in range(0, _EVENTS, _BATCH):
        log.append(events.stream(), events.take(_BATCH))
