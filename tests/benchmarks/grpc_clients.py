"""gRPC clients of a server, and a bare service of grpc.aio to compare it with."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Self

import grpc.aio

from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from eventstore_proto.flunq.eventstore.v1 import events_pb2
from tests.benchmarks.receipts import Receipts
from tests.grpc_stubs import Stub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from eventstore.cloudevents.event import Event
    from tests.benchmarks.examples import Events

__all__ = ["GrpcExchange", "bare_service", "catch_up_rate", "streamed_rate", "unary_rates"]

_SERVICE = messages.DESCRIPTOR.services_by_name["EventStoreService"]
_PER_REQUEST = 50
"""The events of a request of a stream, as a publisher has them that sends what it has gathered."""
_AT_ONCE = 32
_ROUNDS = 7
_LARGEST = 16 * 1024 * 1024
_WITHIN = 60.0


class GrpcExchange:
    """A publisher and a subscriber to a stream, on a connection each.

    The publisher keeps one call of `PublishStream` open, as a publisher over WebSocket keeps its connection.

    Attributes:
        by_calls: Whether each event is published by a unary call instead.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, stream: str) -> None:
        self.by_calls = False
        self._loop = loop
        self._stream = stream
        self._receipts = Receipts()

    @classmethod
    @contextmanager
    def joined(cls, address: str, stream: str) -> Iterator[Self]:
        """Subscribe, and be live during the block."""
        with ExitStack() as stack:
            loop = asyncio.new_event_loop()
            stack.callback(loop.close)
            exchange = cls(loop, stream)
            loop.run_until_complete(exchange._open(address))
            stack.callback(lambda: loop.run_until_complete(exchange._close()))
            yield exchange

    def once(self, event: Event) -> float:
        """Publish an event; return the seconds until it arrived."""
        return self._loop.run_until_complete(self._once(event))

    async def _open(self, address: str) -> None:
        self._channels = [_channel(address), _channel(address)]
        self._stub = Stub(self._channels[0], _SERVICE)
        self._publishing = self._stub.PublishStream()
        live = asyncio.Event()
        self._receiving = asyncio.create_task(self._receive(Stub(self._channels[1], _SERVICE), live))
        await asyncio.wait_for(live.wait(), _WITHIN)

    async def _receive(self, stub: Stub, live: asyncio.Event) -> None:
        async for response in stub.Subscribe(messages.SubscribeRequest(streams=[self._stream])):
            if response.HasField("live"):
                live.set()
            self._receipts.take(len(response.events.events))

    async def _once(self, event: Event) -> float:
        self._receipts.begin(1)
        if self.by_calls:
            await self._stub.Publish(messages.PublishRequest(stream=self._stream, events=[_message(event)]))
        else:
            await self._publishing.write(messages.PublishStreamRequest(stream=self._stream, events=[_message(event)]))
            await self._publishing.read()
        [seconds] = await self._receipts.all()
        return seconds

    async def _close(self) -> None:
        self._receiving.cancel()
        await asyncio.gather(self._receiving, return_exceptions=True)
        for channel in self._channels:
            await channel.close()


def streamed_rate(address: str, events: Events, *, count: int, streams: int) -> float:
    """Return the events per second of one call that publishes so many, until the last is acknowledged.

    Args:
        address: Where the server is.
        events: The events.
        count: How many.
        streams: To how many streams.
    """
    names = [events.stream() for _ in range(streams)]
    requests = [
        messages.PublishStreamRequest(stream=name, events=map(_message, events.take(_PER_REQUEST)))
        for name in islice(cycle(names), count // _PER_REQUEST)
    ]

    async def send() -> AsyncIterator[messages.PublishStreamRequest]:
        for request in requests:
            yield request

    async def publish() -> float:
        async with _channel(address) as channel:
            call = Stub(channel, _SERVICE).PublishStream(send())
            began, acknowledged = time.perf_counter(), 0
            async for response in call:
                if any(each.HasField("failure") for each in response.acknowledgements):
                    raise AssertionError(f"an event was refused: {response}")
                acknowledged += len(response.acknowledgements)
            if acknowledged != len(requests) * _PER_REQUEST:
                raise AssertionError(f"{acknowledged} events were acknowledged")
            return acknowledged / (time.perf_counter() - began)

    return asyncio.run(publish())


def catch_up_rate(address: str, events: Events, *, count: int) -> float:
    """Return the events per second that a subscriber from the start receives, each counted by its place.

    Args:
        address: Where the server is.
        events: The events, which are stored before.
        count: How many.
    """
    stream = events.stream()

    async def measure() -> float:
        async with _channel(address) as channel:
            stub = Stub(channel, _SERVICE)
            for _ in range(0, count, 1000):
                request = messages.PublishRequest(stream=stream, events=map(_message, events.take(1000)))
                await stub.Publish(request)
            return median([await _caught_up(stub, stream, count) for _ in range(3)])

    return asyncio.run(measure())


async def _caught_up(stub: Stub, stream: str, count: int) -> float:
    request = messages.SubscribeRequest(streams=[stream], start=messages.START_OLDEST)
    call, received = stub.Subscribe(request), 0
    began = time.perf_counter()
    async for response in call:
        received += len(response.events.events)
        if received >= count:
            break
    seconds = time.perf_counter() - began
    call.cancel()
    return received / seconds


def unary_rates(address: str, bare: str, events: Events, *, calls: int) -> float:
    """Return the rate of publishing one event a call, as a multiple of that of a bare service."""

    async def measure() -> float:
        async with _channel(address) as ours, _channel(bare) as theirs:
            publish = Stub(ours, _SERVICE).Publish
            add: Any = theirs.unary_unary("/bare.Service/Add")
            ratios = []
            for _ in range(_ROUNDS):
                stored = [
                    messages.PublishRequest(stream=stream, events=[_message(event)])
                    for stream, event in events.streams(calls)
                ]
                bodies = [event.body for event in events.take(calls)]
                mine, other = await _seconds(publish, stored), await _seconds(add, bodies)
                ratios.append(other / mine)
            return median(ratios)

    return asyncio.run(measure())


async def _seconds(call: Any, requests: Sequence[Any]) -> float:  # noqa: ANN401 - a method of a stub
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(request: object) -> None:
        async with gate:
            await call(request)

    began = time.perf_counter()
    await asyncio.gather(*map(one, requests))
    return time.perf_counter() - began


@contextmanager
def bare_service(redis_url: str) -> Iterator[str]:
    """Where a service answers that does one XADD a call, during the block."""
    command = [sys.executable, "-m", "tests.benchmarks.bare_grpc", redis_url]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        try:
            yield f"127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def _channel(address: str) -> grpc.aio.Channel:
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", _LARGEST)]
    return grpc.aio.insecure_channel(address, options=options)


def _message(event: Event) -> events_pb2.Event:
    return events_pb2.Event(json=event.body)
