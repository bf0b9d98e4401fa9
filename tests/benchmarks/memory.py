"""What an event costs the cache: its memory, with all indexes."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.log import RedisLog
from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.examples import EVENT_BYTES, PER_STREAM, Events
from tests.benchmarks.measure import Aim, Figure, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore.ports import Log

__all__ = ["figures"]

_EVENTS = 20_000


def figures() -> Iterator[Figure]:
    """Events that were appended one by one, as a workflow's are."""
    with ValkeyServer.start() as server:
        client: Any = connect(server.url)
        with closing(client):
            log = RedisLog(client)
            examples = Events()
            # Scripts and buffers are there from the first append on, and no event's.
            _fill(log, examples, PER_STREAM)
            client.flushall(asynchronous=False)
            before = client.info("memory")["used_memory"]
            size = _fill(log, examples, _EVENTS)
            log.locate("an id that no event has, so that all are indexed")
            used = client.info("memory")["used_memory"] - before
    what = f"Memory per event, by its bytes ({EVENT_BYTES} bytes, {PER_STREAM} a stream)"
    yield Figure(what, used / size, Unit.RATIO, Aim("≤", 1.5))


def _fill(log: Log, examples: Events, number: int) -> int:
    size = 0
    for stream, event in examples.streams(number):
        log.append(stream, [event])
        size += len(event.body)
    return size
