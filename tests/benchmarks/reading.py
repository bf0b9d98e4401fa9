"""Reading through the `Log` port, against bare `XRANGE` of the same events, each stored by a bare `XADD`."""

from __future__ import annotations

from contextlib import closing
from statistics import median
from typing import TYPE_CHECKING, Any

from redis import Redis

from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.log import RedisLog
from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.examples import Events
from tests.benchmarks.measure import Aim, Figure, Unit, in_turn
from tests.benchmarks.placement import apart_from

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["figures"]

_EVENTS = 10_000
_BATCH = 500
_ROUNDS = 40


def figures() -> Iterator[Figure]:
    """A stream read whole, in one call."""
    with apart_from(ValkeyServer.start) as server:
        client: Any = connect(server.url)
        # As redis-py comes, with the protocol that the hub speaks.
        bare: Any = Redis.from_url(server.url, protocol=3)
        with closing(client), closing(bare):
            log = RedisLog(client)
            examples = Events()
            stream = examples.stream()
            for _ in range(0, _EVENTS, _BATCH):
                events = examples.take(_BATCH)
                log.append(stream, events)
                for event in events:
                    bare.xadd("bare", {"e": event.body})

            def ours() -> None:
                _complete(len(log.read(stream, start=1, stop=_EVENTS, count=_EVENTS).events))

            def theirs() -> None:
                _complete(len(bare.xrange("bare")))

            rounds = in_turn(lambda _: (ours, theirs), rounds=_ROUNDS)
    yield Figure(f"Reading a stream of {_EVENTS:,}, against bare XRANGE", rounds.speed, Unit.RATIO, Aim("≥", 0.8))
    yield Figure(f"Reading a stream of {_EVENTS:,}", _EVENTS / median(rounds.ours), Unit.RATE)


def _complete(count: int) -> None:
    if count != _EVENTS:
        raise AssertionError(f"{count} events were read; {_EVENTS} were stored")
