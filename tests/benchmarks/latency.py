"""From publishing to receipt through the local stack, and through NATS JetStream as the floor."""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.beside_jetstream import beside_jetstream
from tests.benchmarks.examples import Events
from tests.benchmarks.hub import running_hub
from tests.benchmarks.measure import Aim, Figure, Unit
from tests.benchmarks.receipts import ninety_ninth
from tests.benchmarks.subscribers import Subscribers

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["figures"]

_ROUNDS = {1: 300, 100: 40, 1_000: 8}
"""How many events are published to so many subscribers."""

_AIM = Aim("<", 15)


def figures() -> Iterator[Figure]:
    """One event after the other, each when the one before has arrived everywhere."""
    events = Events()
    with ValkeyServer.start() as server, running_hub(server.url) as url:
        for number, rounds in _ROUNDS.items():
            stream = events.stream()
            with Subscribers.joined(url, number, {"stream": stream}) as subscribers:
                ours, theirs = beside_jetstream(
                    partial(_exchange, subscribers, stream, events), events, subscribers=number, rounds=rounds
                )
            yield from _figures(number, ours, theirs)


def _exchange(subscribers: Subscribers, stream: str, events: Events) -> list[float]:
    return subscribers.exchange(stream, events.take(1))


def _figures(number: int, ours: list[float], theirs: list[float]) -> Iterator[Figure]:
    to = f"{number:,} subscriber{'s' if number > 1 else ''}"
    aim = _AIM if number == 1 else None
    for who, seconds, held in (("", ours, aim), ("NATS JetStream, ", theirs, None)):
        yield Figure(f"{who}{to}: median", median(seconds) * 1000, Unit.MILLISECONDS, held)
        yield Figure(f"{who}{to}: 99 of 100 receipts within", ninety_ninth(seconds) * 1000, Unit.MILLISECONDS)
