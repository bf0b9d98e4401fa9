"""How much the local stack delivers: what is published at once, to few and to many."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.examples import Events
from tests.benchmarks.hub import running_hub
from tests.benchmarks.measure import Figure, Unit
from tests.benchmarks.subscribers import Subscribers

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["figures"]

_BATCH = 100
_ROUNDS = {1: 20, 100: 8, 1_000: 3}
"""How many batches are published to so many subscribers."""


def figures() -> Iterator[Figure]:
    """A batch published in one request; each event counts once for each subscriber that has received it."""
    events = Events()
    with ValkeyServer.start() as server, running_hub(server.url) as url:
        for number, rounds in _ROUNDS.items():
            stream = events.stream()
            with Subscribers.joined(url, number, {"stream": stream}) as subscribers:
                # At first the functions start that so many subscribers need.
                subscribers.exchange(stream, events.take(_BATCH))
                seconds = [max(subscribers.exchange(stream, events.take(_BATCH))) for _ in range(rounds)]
            to = f"{number:,} subscriber{'s' if number > 1 else ''}"
            yield Figure(f"A batch of {_BATCH} events to {to}", _BATCH * number / median(seconds), Unit.RECEIPTS)
