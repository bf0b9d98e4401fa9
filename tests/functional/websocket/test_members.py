"""The SDK's members of a durable subscription, on the handlers themselves."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.groups import Redrive
from eventstore.streams import partition_of
from eventstore_client import Park, Retry
from eventstore_client.member import Member
from eventstore_client.ownership import Delivery
from functions.hub import hub
from tests.functional.rest.api import cloudevent
from tests.functional.websocket.test_taking_part import NAME, make

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventstore_client import Recorded
    from tests.functional.websocket.clients import Client, Gateway

STREAMS = tuple(f"wf-{number}" for number in range(8))


class Wire:
    """A connection: the handler answers what is sent, and posted messages are received."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.texts: deque[str] = deque()

    def send(self, message: Mapping[str, Any]) -> None:
        self.texts.append(json.dumps(self.client.send(dict(message))))


class Instance:
    """An instance of a service, which is a member."""

    def __init__(self, gateway: Gateway) -> None:
        self.client, _ = gateway.connect()
        self.wire = Wire(self.client)
        self.member = Member(NAME, url="ws://hub", alive_every=999)
        self.member.join()
        self._send()

    def work(self, handler: Callable[[Recorded], object]) -> None:
        """Handle the events that arrive, one after the other, until none is left."""
        while True:
            while self.wire.texts:
                self.member.accept(self.wire.texts.popleft())
                self._send()
            found = self.member.next()
            self._send()
            if isinstance(found, Delivery):
                self._handle(found, handler)
            elif not self.wire.texts:
                return

    def _handle(self, delivery: Delivery, handler: Callable[[Recorded], object]) -> None:
        self.member.begin(delivery)
        try:
            handler(delivery.event)
        except (Retry, Park) as error:
            self.member.failed(delivery, error, self.member.log_failure(delivery, error))
        else:
            self.member.handled(delivery)
        self._send()

    def _send(self) -> None:
        while message := self.member.message():
            self.wire.send(message)


class Service:
    """Instances that handle their events; each event of `failing` first fails the given number of times."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.instances: list[Instance] = []
        self.handled: dict[str, list[int]] = defaultdict(list)
        self.failing: dict[tuple[str, int], int] = {}
        self.parking: set[tuple[str, int]] = set()

    def join(self) -> Instance:
        self.instances.append(Instance(self.gateway))
        return self.instances[-1]

    def handle(self, event: Recorded) -> None:
        key = (event.stream, event.sequence)
        if key in self.parking:
            raise Park("poisoned")
        if self.failing.get(key):
            self.failing[key] -= 1
            raise Retry("not now", delay=0)
        self.handled[event.stream].append(event.sequence)

    def settle(self) -> None:
        while posted := self.gateway.settle():
            for instance in self.instances:
                instance.wire.texts += map(json.dumps, posted.get(instance.client.connection, ()))
                instance.work(self.handle)


@pytest.fixture
def service(gateway: Gateway) -> Service:
    make(streams=(), max_in_flight=5)
    return Service(gateway)


def publish(client: Client, count: int, *, start: int = 1) -> None:
    for number in range(start, start + count):
        for stream in STREAMS:
            client.send({"action": "publish", "events": [cloudevent(f"{number}")], "stream": stream})


def test_every_event_is_handled_in_order_despite_failures(client: Client, service: Service) -> None:
    service.failing = {("wf-1", 2): 3, ("wf-1", 3): 1, ("wf-4", 1): 2, ("wf-7", 6): 1}
    service.join()
    publish(client, 6)
    service.settle()
    publish(client, 2, start=7)
    service.settle()
    assert service.handled == {stream: [1, 2, 3, 4, 5, 6, 7, 8] for stream in STREAMS}


def test_partitions_move_to_a_joining_member_and_from_a_leaving_one(client: Client, service: Service) -> None:
    first = service.join()
    service.settle()
    publish(client, 3)
    second = service.join()
    service.settle()
    publish(client, 3, start=4)
    service.settle()
    service.instances.remove(first)
    first.client.disconnect()
    service.settle()
    publish(client, 3, start=7)
    service.settle()
    assert service.instances == [second]
    assert {stream: list(dict.fromkeys(sequences)) for stream, sequences in service.handled.items()} == {
        stream: [1, 2, 3, 4, 5, 6, 7, 8, 9] for stream in STREAMS
    }


def test_a_parked_stream_does_not_block_others(client: Client, service: Service) -> None:
    service.parking = {("wf-2", 3)}
    service.join()
    publish(client, 6)
    service.settle()
    assert service.handled == {stream: [1, 2] if stream == "wf-2" else [1, 2, 3, 4, 5, 6] for stream in STREAMS}


def test_a_skipped_stream_continues_with_the_same_member(client: Client, service: Service) -> None:

    service.parking = {("wf-2", 3)}
    service.join()
    publish(client, 3)
    service.settle()
    durables = hub().durables
    partition = partition_of("wf-2", durables.count)
    hub().dispatch_queue.request_turns(durables.enqueue(durables.get(NAME), {partition: [Redrive("wf-2", "skip")]}))
    service.settle()
    publish(client, 2, start=4)
    service.settle()
    assert service.handled["wf-2"] == [1, 2, 4, 5]
