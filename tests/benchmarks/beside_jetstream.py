"""Exchanges that take turns with those of JetStream, and the receipts of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nats.js.api import StorageType

from tests.benchmarks.jetstream import JetStream
from tests.benchmarks.measure import in_turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.examples import Events

__all__ = ["beside_jetstream"]


def beside_jetstream(
    exchange: Callable[[], list[float]], events: Events, *, subscribers: int, rounds: int
) -> tuple[list[float], list[float]]:
    """Exchange an event in every round, and another one over JetStream with as many subscribers.

    Args:
        exchange: Publishes an event of ours; returns the seconds until each subscriber has it.

    Returns:
        The seconds of every receipt, ours and JetStream's.
    """
    stream = events.stream()
    ours: list[float] = []
    theirs: list[float] = []

    def prepare(number: int) -> tuple[Callable[[], None], Callable[[], None]]:
        [event] = events.take(1)
        if number == 1:
            # The round before warmed both up.
            ours.clear()
            theirs.clear()
        return lambda: ours.extend(exchange()), lambda: theirs.extend(jetstream.exchange(stream, event))

    with JetStream.start(StorageType.MEMORY) as jetstream:
        jetstream.join(subscribers)
        in_turn(prepare, rounds=rounds)
    return ours, theirs
