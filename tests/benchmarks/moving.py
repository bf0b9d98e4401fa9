"""Moving a store, against reading it once."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from eventstore.adapters.clock import SystemClock
from eventstore.hub.hub import Hub
from eventstore.hub.moving.composition import moved_store
from eventstore.hub.moving.move import Move
from eventstore.hub.settings import Settings
from eventstore.positions import BEGINNING
from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.examples import PER_STREAM, Events
from tests.benchmarks.measure import Figure, Unit
from tests.benchmarks.placement import apart_from, starting_servers
from tests.nats_server import NatsServer

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["figures"]

_STREAMS = 5_000
_STORED = _STREAMS * PER_STREAM
_LATER = 1_000
"""How many events come between the rehearsal and the move."""
_PAGE = 1000


def figures() -> Iterator[Figure]:
    """From Redis to Redis, and from Redis to NATS."""
    with (
        apart_from(ValkeyServer.start) as old,
        NatsServer.started(placement=starting_servers) as nats,
    ):
        source, events = {"REDIS_URL": old.url}, Events()
        with _hub(source) as hub:
            for _ in range(_STREAMS):
                hub.log.append(events.stream(), events.take(PER_STREAM))
            read = _seconds_to_read(hub)
        for backend, variables in {"Redis": {}, "NATS": {"BACKEND": "nats", "NATS_URL": nats.url}}.items():
            with ExitStack() as stack:
                with starting_servers():
                    new = stack.enter_context(ValkeyServer.start())
                hub = stack.enter_context(_hub(source))
                target = stack.enter_context(_hub({"REDIS_URL": new.url, **variables}))
                move = Move(moved_store(hub), moved_store(target), clock=SystemClock(), report=lambda _: None)
                began = time.perf_counter()
                move.rehearse()
                copied = time.perf_counter() - began
                what = f"Copying and comparing {_STORED:,} events of {_STREAMS:,} streams, from Redis to {backend}"
                yield Figure(what, _STORED / copied, Unit.RATE)
                yield Figure(f"{what}, against reading them", copied / read, Unit.RATIO)
                hub.log.append(events.stream(), events.take(_LATER))
                moved = move.run()
                yield Figure(
                    f"Store of as many, closed for writing, from Redis to {backend}", moved.closed_ms, Unit.MILLISECONDS
                )
                moved_store(hub).source.reopen()


def _hub(variables: dict[str, str]) -> closing[Hub]:
    return closing(Hub(Settings.from_environment(variables)))


def _seconds_to_read(hub: Hub) -> float:
    """Return how long it takes to read all events once."""
    began = time.perf_counter()
    for partition in range(hub.log.partitions):
        position, at_end = BEGINNING, False
        while not at_end:
            tail = hub.log.tail({partition: position}, count=_PAGE)[partition]
            position, at_end = tail.position, tail.at_end
    return time.perf_counter() - began
