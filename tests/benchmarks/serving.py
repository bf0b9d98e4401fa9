"""The hub as a service beside NATS JetStream: from publishing to receipt, and how much it delivers."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from nats.js.api import StorageType

from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.counted import Counted
from tests.benchmarks.examples import Events
from tests.benchmarks.grpc_clients import GrpcSubscriber, bare_service, catch_up_rate, streamed_rate, unary_rates
from tests.benchmarks.idle import idle_memory
from tests.benchmarks.jetstream import JetStream
from tests.benchmarks.measure import Aim, Figure, Unit, in_turn
from tests.benchmarks.receipts import ninety_ninth
from tests.benchmarks.subscribers import Subscribers
from tests.e2e.servers import instances_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.servers import Instance

__all__ = ["figures"]

_ROUNDS = {1: 300, 1_000: 12}
"""How many events are published to so many subscribers."""

_AIMS = {1: Aim("≤", 4), 1_000: Aim("≤", 3)}
_BATCH, _BATCHES, _MANY = 100, 9, 1_000
_STREAMED, _CAUGHT_UP, _CALLS, _IDLE = 30_000, 100_000, 300, 10_000


def figures() -> Iterator[Figure]:
    """Each exchange takes turns with JetStream's; then what one instance alone can do."""
    events = Events()
    with ValkeyServer.start() as valkey, instances_on(valkey.url, count=1) as [instance]:
        for number in _ROUNDS:
            yield from _beside_jetstream(events, instance, number)
        yield from _grpc_beside_jetstream(events, instance)
        stream = events.stream()
        with Counted.joined(instance.url, _MANY, stream=stream) as counted:
            counted.exchange(stream, events.take(_BATCH))
            seconds = [counted.exchange(stream, events.take(_BATCH)) for _ in range(_BATCHES)]
        what = f"WebSocket: a batch of {_BATCH} events to {_MANY:,} subscribers, each event counted by its id"
        yield Figure(what, _BATCH * _MANY / median(seconds), Unit.RECEIPTS, Aim("≥", 300_000))
        rate = streamed_rate(instance.grpc, events, count=_STREAMED)
        yield Figure("gRPC: a stream of events, each acknowledged", rate, Unit.RATE, Aim("≥", 15_000))
        rate = catch_up_rate(instance.grpc, events, count=_CAUGHT_UP)
        yield Figure("gRPC: a subscription from the start, stored JSON", rate, Unit.RATE, Aim("≥", 150_000))
        with bare_service(valkey.url) as bare:
            ratio = unary_rates(instance.grpc, bare, events, calls=_CALLS)
        what = "gRPC: publishing one event a call, against a bare grpc.aio service that does one XADD a call"
        yield Figure(what, ratio, Unit.RATIO, Aim("≥", 0.5))
    with ValkeyServer.start() as valkey, instances_on(valkey.url, count=1) as [instance]:
        megabytes = idle_memory(instance, connections=_IDLE)
        what = f"WebSocket: memory of {_IDLE:,} idle connections with a subscription each"
        yield Figure(what, megabytes, Unit.MEGABYTES, Aim("≤", 400))


def _beside_jetstream(events: Events, instance: Instance, number: int) -> Iterator[Figure]:
    stream = events.stream()
    with (
        Subscribers.joined(instance.url, number, {"stream": stream}) as subscribers,
        JetStream.start(StorageType.MEMORY) as jetstream,
    ):
        jetstream.join(number)
        sides = _Sides(lambda: subscribers.exchange(stream, events.take(1)), jetstream, stream, events)
        in_turn(sides.round, rounds=_ROUNDS[number])
    yield from sides.figures("WebSocket", number)


def _grpc_beside_jetstream(events: Events, instance: Instance) -> Iterator[Figure]:
    stream = events.stream()
    with GrpcSubscriber.joined(instance.grpc, stream) as subscriber, JetStream.start(StorageType.MEMORY) as jetstream:
        jetstream.join(1)
        sides = _Sides(lambda: [subscriber.exchange(events.take(1)[0])], jetstream, stream, events)
        in_turn(sides.round, rounds=_ROUNDS[1])
    yield from sides.figures("gRPC", 1)


class _Sides:
    """The seconds of every receipt, ours and theirs."""

    def __init__(self, exchange: Callable[[], list[float]], jetstream: JetStream, stream: str, events: Events) -> None:
        self._exchange = exchange
        self._jetstream = jetstream
        self._stream = stream
        self._events = events
        self._ours: list[float] = []
        self._theirs: list[float] = []

    def round(self, number: int) -> tuple[Callable[[], None], Callable[[], None]]:
        [second] = self._events.take(1)
        if number == 1:
            # The round before warmed both up.
            self._ours, self._theirs = [], []

        def ours() -> None:
            self._ours += self._exchange()

        def theirs() -> None:
            self._theirs += self._jetstream.exchange(self._stream, second)

        return ours, theirs

    def figures(self, door: str, number: int) -> Iterator[Figure]:
        to = f"{number:,} subscriber{'s' if number > 1 else ''}"
        for who, seconds in ((door, self._ours), ("NATS JetStream", self._theirs)):
            yield Figure(f"{who}, {to}: median", median(seconds) * 1000, Unit.MILLISECONDS)
            yield Figure(f"{who}, {to}: 99 of 100 within", ninety_ninth(seconds) * 1000, Unit.MILLISECONDS)
        ratio = median(self._ours) / median(self._theirs)
        yield Figure(f"{door}, {to}: median against JetStream's", ratio, Unit.RATIO, _AIMS[number])
