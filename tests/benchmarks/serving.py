"""The hub as a service beside NATS JetStream: from publishing to receipt, and how much it delivers."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.beside_jetstream import beside_jetstream
from tests.benchmarks.counted import Counted
from tests.benchmarks.examples import Events
from tests.benchmarks.exchange import Exchange
from tests.benchmarks.grpc_clients import GrpcExchange, bare_service, catch_up_rate, streamed_rate, unary_rates
from tests.benchmarks.idle import idle_memory
from tests.benchmarks.measure import Aim, Figure, Unit
from tests.benchmarks.receipts import ninety_ninth
from tests.benchmarks.subscribers import Subscribers
from tests.e2e.servers import instances_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["figures"]

_ROUNDS, _ROUNDS_OF_MANY = 300, 12
"""How many events are published to one subscriber, and to many."""

_BATCH, _BATCHES, _MANY = 100, 9, 1_000
_AIMS = {1: Aim("≤", 4), _MANY: Aim("≤", 3)}
_STREAMED, _CAUGHT_UP, _CALLS, _IDLE = 30_000, 100_000, 300, 10_000


def figures() -> Iterator[Figure]:
    """Each exchange takes turns with JetStream's; then what one instance alone can do."""
    events = Events()
    with ValkeyServer.start() as valkey, instances_on(valkey.url, count=1) as [instance]:
        stream = events.stream()
        with Exchange.joined(instance.url, stream) as exchange:
            yield from _beside_jetstream("WebSocket", events, lambda: [exchange.once(*events.take(1))])
        with GrpcExchange.joined(instance.grpc, events.stream()) as grpc:
            yield from _beside_jetstream("gRPC", events, lambda: [grpc.once(*events.take(1))])
            grpc.by_calls = True
            yield from _beside_jetstream("gRPC, by a unary call", events, lambda: [grpc.once(*events.take(1))])
        with Subscribers.joined(instance.url, _MANY, {"stream": stream}) as many:
            yield from _beside_jetstream(
                "REST to WebSocket",
                events,
                lambda: many.exchange(stream, events.take(1)),
                subscribers=_MANY,
                rounds=_ROUNDS_OF_MANY,
            )
        stream = events.stream()
        with Counted.joined(instance.url, _MANY, stream=stream) as counted:
            counted.exchange(stream, events.take(_BATCH))
            seconds = [counted.exchange(stream, events.take(_BATCH)) for _ in range(_BATCHES)]
        what = f"WebSocket: a batch of {_BATCH} events to {_MANY:,} subscribers, each event counted by its id"
        yield Figure(what, _BATCH * _MANY / median(seconds), Unit.RECEIPTS, Aim("≥", 300_000))
        for streams, aim in ((1, Aim("≥", 15_000)), (50, None)):
            rate = streamed_rate(instance.grpc, events, count=_STREAMED, streams=streams)
            what = f"gRPC: publishing a stream of events, 50 a message, to {streams} stream{'s'[: streams - 1]}"
            yield Figure(what, rate, Unit.RATE, aim)
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


def _beside_jetstream(
    door: str,
    events: Events,
    exchange: Callable[[], list[float]],
    *,
    subscribers: int = 1,
    rounds: int = _ROUNDS,
) -> Iterator[Figure]:
    ours, theirs = beside_jetstream(exchange, events, subscribers=subscribers, rounds=rounds)
    to = f"{subscribers:,} subscriber{'s' if subscribers > 1 else ''}"
    for who, seconds in ((door, ours), ("NATS JetStream", theirs)):
        yield Figure(f"{who}, {to}: median", median(seconds) * 1000, Unit.MILLISECONDS)
        yield Figure(f"{who}, {to}: 99 of 100 within", ninety_ninth(seconds) * 1000, Unit.MILLISECONDS)
    ratio = median(ours) / median(theirs)
    yield Figure(f"{door}, {to}: median against JetStream's", ratio, Unit.RATIO, _AIMS[subscribers])
