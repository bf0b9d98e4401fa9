"""From publishing to receipt through the local stack, and through NATS JetStream as the floor."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from nats.js.api import StorageType

from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.examples import Events
from tests.benchmarks.hub import running_hub
from tests.benchmarks.jetstream import JetStream
from tests.benchmarks.measure import Aim, Figure, Unit, in_turn
from tests.benchmarks.receipts import ninety_ninth
from tests.benchmarks.subscribers import Subscribers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
            with (
                Subscribers.joined(url, number, {"stream": stream}) as subscribers,
                JetStream.start(StorageType.MEMORY) as jetstream,
            ):
                jetstream.join(number)
                sides = _Sides(subscribers, jetstream, stream, events)
                in_turn(sides.round, rounds=rounds)
            yield from _figures(number, sides)


class _Sides:
    """The seconds of every receipt, ours and theirs."""

    def __init__(self, subscribers: Subscribers, jetstream: JetStream, stream: str, events: Events) -> None:
        self._subscribers = subscribers
        self._jetstream = jetstream
        self._stream = stream
        self._events = events
        self.ours: list[float] = []
        self.theirs: list[float] = []

    def round(self, number: int) -> tuple[Callable[[], None], Callable[[], None]]:
        first, second = self._events.take(2)
        if number == 1:
            # The round before warmed both up.
            self.ours, self.theirs = [], []

        def ours() -> None:
            self.ours += self._subscribers.exchange(self._stream, [first])

        def theirs() -> None:
            self.theirs += self._jetstream.exchange(self._stream, second)

        return ours, theirs


def _figures(number: int, sides: _Sides) -> Iterator[Figure]:
    to = f"{number:,} subscriber{'s' if number > 1 else ''}"
    aim = _AIM if number == 1 else None
    for who, seconds, held in (("", sides.ours, aim), ("NATS JetStream, ", sides.theirs, None)):
        yield Figure(f"{who}{to}: median", median(seconds) * 1000, Unit.MILLISECONDS, held)
        yield Figure(f"{who}{to}: 99 of 100 receipts within", ninety_ninth(seconds) * 1000, Unit.MILLISECONDS)
