"""The recording clients of gRPC against the door: the checker accepts their transcripts, and finds what is wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from eventstore_proto.flunq.eventstore.v1 import subscription_service_pb2 as durables
from tests.transcripts.checker import violations
from tests.transcripts.clock import Clock
from tests.transcripts.content import where
from tests.transcripts.grpc_lines import subscribe_dial, work_dial
from tests.transcripts.grpc_routes import GrpcRoute, GrpcStreamRoute
from tests.transcripts.grpc_values import json_event
from tests.transcripts.member import RecordingMember
from tests.transcripts.membership import Group
from tests.transcripts.orders import Order
from tests.transcripts.publisher import Publisher
from tests.transcripts.recording import read, written
from tests.transcripts.subscriber import RecordingSubscriber
from tests.transcripts.transcript import StoredStream, Transcript
from tests.transcripts.violation import Kind

if TYPE_CHECKING:
    from tests.functional.grpc.served import Served
    from tests.transcripts.content import Where
    from tests.transcripts.transcript import Json, Subscriber

_WITHIN = 30.0
_STREAMS = ("first", "second", "third")


def event(number: int) -> Json:
    return {"specversion": "1.0", "id": str(number), "source": "/s", "type": "t", "data": {"number": number}}


class Reached:
    """The places that a client has handled, and when those that it waits for were."""

    def __init__(self) -> None:
        self.places: set[Where] = set()
        self._news = asyncio.Event()

    def message(self, message: Json) -> None:
        for one in message.get("events", ()):
            self.event(one)

    def event(self, one: Json) -> None:
        self.places.add(where(one))
        self._news.set()

    async def until(self, count: int) -> None:
        while len(self.places) < count:
            self._news.clear()
            await self._news.wait()


async def recorded(address: str) -> Transcript:
    """Two subscribers, of which each resumes, a worker that fails at first and joins again, and two publishers."""
    clock = Clock()
    whole, streamed = GrpcRoute(lambda: address), GrpcStreamRoute(lambda: address)
    first = Publisher("whole", whole, clock=clock, random=Random(1))
    second = Publisher("streamed", streamed, clock=clock, random=Random(2))
    sought = [Reached(), Reached()]
    subscribers = [
        RecordingSubscriber(
            subscribe_dial(lambda: address, protobuf=protobuf),
            {"from": "start", "filters": [{"not": {"exact": {"source": "/other"}}}]},
            name=f"protobuf: {protobuf}",
            clock=clock,
            random=Random(3),
            handle=reached.message,
        )
        for protobuf, reached in zip((False, True), sought, strict=True)
    ]
    worked, failures = Reached(), iter([True])
    member = RecordingMember(
        work_dial(lambda: address),
        "workers",
        name="member",
        clock=clock,
        random=Random(4),
        fails=lambda _: next(failures, False),
        handle=worked.event,
    )
    async with asyncio.TaskGroup() as running:
        for client in (*subscribers, member):
            running.create_task(client.run())
        for number, stream in enumerate(_STREAMS):
            await first.publish([event(number * 10), event(number * 10 + 1)], stream)
            await asyncio.gather(*(second.publish([event(number * 10 + own)], stream) for own in (2, 3, 4)))
            for reached in (*sought, worked):
                await reached.until(5 * (number + 1))
            for subscriber, order in zip(subscribers, (Order.abort, Order.close), strict=True):
                subscriber.enqueue(order(0.01))
            member.enqueue((Order.unsubscribe, Order.abort, Order.close)[number](0.01))
        await first.publish([event(100)], "first")
        for reached in (*sought, worked):
            await reached.until(16)
        for client in (*subscribers, member):
            client.enqueue(Order.leave())
    for subscriber in subscribers:
        # The last subscription need not be live in every partition: it may have been left as soon as it had all.
        subscriber.finish(caught_up=False)
    await first.close()
    await second.close()
    group = Group(name="workers", wanted={}, ack_deadline=20, max_attempts=3, members=(member.recorded,))
    return Transcript(
        publishes=tuple(sorted([*first.publishes, *second.publishes], key=lambda one: one.begun)),
        streams=(),
        subscribers=tuple(one for subscriber in subscribers for one in subscriber.recorded),
        groups=(group,),
    )


@pytest.fixture
def transcript(served: Served) -> Transcript:
    served.subscriptions.CreateSubscription(
        durables.CreateSubscriptionRequest(id="workers", start=messages.START_OLDEST, ack_deadline=20, max_attempts=3)
    )

    async def run() -> Transcript:
        async with asyncio.timeout(_WITHIN):
            return await recorded(f"127.0.0.1:{served.door.port}")

    transcript = asyncio.run(run())
    streams = tuple(
        StoredStream(
            stream=stream,
            first=1,
            events=tuple(
                json_event(one)
                for response in served.events.Read(messages.ReadRequest(stream=stream))
                for one in response.events
            ),
        )
        for stream in _STREAMS
    )
    return replace(transcript, streams=streams)


def test_the_checker_accepts_transcripts_of_grpc_clients(transcript: Transcript) -> None:
    assert violations(transcript) == []
    assert violations(read(written(transcript))) == []
    assert min(len(subscriber.sessions) for subscriber in transcript.subscribers) > 1
    assert sum(len(publish.results) for publish in transcript.publishes) == 16
    [member] = transcript.groups[0].members
    assert len(member.sessions) > 3
    assert any(handling.failed for session in member.sessions for handling in session.handlings)


def test_the_checker_finds_a_frame_that_a_grpc_client_was_not_sent(transcript: Transcript) -> None:
    [subscriber, *others] = transcript.subscribers
    spoiled = replace(transcript, subscribers=(_without_first_events(subscriber), *others))
    assert Kind.HOLE in {violation.kind for violation in violations(spoiled)}


def _without_first_events(subscriber: Subscriber) -> Subscriber:
    first, *rest = subscriber.sessions
    index = next(index for index, one in enumerate(first.received) if one.message["type"] == "events")
    received = (*first.received[:index], *first.received[index + 1 :])
    return replace(subscriber, sessions=(replace(first, received=received), *rest))
