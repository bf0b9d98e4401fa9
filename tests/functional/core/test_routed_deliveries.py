"""Deliveries for clients of API Gateway and for clients of instances of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.frames.frame import Address, Delivery, Kind, Part, decode_parts
from eventstore.frames.instance_messages import decode_message
from eventstore.live.instance_inboxes import InstanceInboxes
from eventstore.live.routed_deliveries import RoutedDeliveries
from eventstore.ports import LEASE_MS, InstanceId
from eventstore.subscriptions import ConnectionId, SubscriptionId
from tests.fakes.queues import FakeDeliveries, FakeDispatchQueue

if TYPE_CHECKING:
    from collections.abc import Sequence

ONE, TWO = InstanceId("11111111"), InstanceId("22222222")
ON_GATEWAY, ON_ONE, ON_TWO = (
    ConnectionId(name) for name in ("L0SM9cOFvHcCIhw=", f"{ONE}.0000000000000001", f"{TWO}.0000000000000002")
)


class Inboxes:
    """See `ports.Instances`: the inboxes of some instances."""

    def __init__(self, *instances: InstanceId) -> None:
        self.messages: dict[InstanceId, list[bytes]] = {instance: [] for instance in instances}

    def send(self, to: InstanceId, messages: Sequence[bytes]) -> bool:
        if to not in self.messages:
            return False
        self.messages[to] += messages
        return True

    def parts(self, instance: InstanceId) -> list[tuple[str, list[str]]]:
        decoded = [part for message in self.messages[instance] for part in decode_message(message)[1]]
        return [(part.texts[0], [address.connection for address in part.to]) for part in decoded]


class Routed:
    """Deliveries of a function, and where they go."""

    def __init__(self, *instances: InstanceId) -> None:
        self.queue, self.dispatch_queue, self.inboxes = FakeDeliveries(), FakeDispatchQueue(), Inboxes(*instances)
        inboxes: object = self.inboxes
        self.sender = InstanceInboxes(lambda: inboxes, lambda: self.dispatch_queue)  # type: ignore[arg-type,return-value]
        self.deliveries = RoutedDeliveries(lambda: self.queue, self.sender.send_parts)

    def queued(self) -> list[tuple[str, list[str]]]:
        parts = [part for encoded in self.queue.sent for part in decode_parts(encoded)]
        return [(part.texts[0], [address.connection for address in part.to]) for part in parts]


def part(text: str, *connections: ConnectionId) -> Part:
    to = tuple(Address(connection, SubscriptionId("s"), 1, 0) for connection in connections)
    return Part(Kind.EVENTS, 0, ("c",), (text,), to)


def test_clients_of_api_gateway_get_their_parts_by_the_queue_as_they_were() -> None:
    routed = Routed(ONE)
    delivery = Delivery(3, (part("[1]", ON_GATEWAY), part("[2]", ON_GATEWAY)))
    routed.deliveries.send([delivery])
    assert routed.queue.sent == [delivery.encoded()]
    assert routed.inboxes.messages == {ONE: []}


def test_a_part_is_divided_among_those_that_hold_its_connections() -> None:
    routed = Routed(ONE, TWO)
    routed.deliveries.send([Delivery(3, (part("[1]", ON_GATEWAY, ON_ONE, ON_TWO),))])
    assert routed.queued() == [("[1]", [ON_GATEWAY])]
    assert routed.inboxes.parts(ONE) == [("[1]", [ON_ONE])]
    assert routed.inboxes.parts(TWO) == [("[1]", [ON_TWO])]
    assert routed.queue.shards == [3]


def test_the_parts_of_each_connection_keep_their_order() -> None:
    routed = Routed(ONE)
    deliveries = [
        Delivery(shard, (part(f"[{shard}]", ON_ONE), part(f"[{shard}]", ON_GATEWAY), part(f"[{shard}0]", ON_ONE)))
        for shard in (1, 2)
    ]
    routed.deliveries.send(deliveries)
    assert [text for text, _ in routed.inboxes.parts(ONE)] == ["[1]", "[10]", "[2]", "[20]"]
    assert [text for text, _ in routed.queued()] == ["[1]", "[2]"]
    # As large as a message of the queue may be, each.
    assert len(routed.inboxes.messages[ONE]) == 2


def test_clients_of_an_instance_that_is_gone_are_disconnected() -> None:
    routed = Routed(TWO)
    routed.deliveries.send([Delivery(0, (part("[1]", ON_ONE, ON_TWO), part("[2]", ON_ONE)))])
    assert routed.dispatch_queue.closed_connections == [ON_ONE]
    assert routed.inboxes.parts(TWO) == [("[1]", [ON_TWO])]


def test_where_no_functions_are_parts_for_clients_of_api_gateway_are_dropped() -> None:
    sent: list[InstanceId] = []
    RoutedDeliveries(None, lambda instance, _: sent.append(instance)).send(
        [Delivery(0, (part("[1]", ON_GATEWAY, ON_ONE),))]
    )
    assert sent == [ONE]


def test_a_turn_is_requested_of_the_instance_that_leases_the_partition() -> None:
    routed = Routed(ONE)
    routed.sender.request_turn(ONE, 7)
    assert [decode_message(message) for message in routed.inboxes.messages[ONE]] == [([7], [])]
    assert routed.dispatch_queue.later == []


def test_a_turn_is_requested_for_after_the_lease_of_an_instance_that_is_gone() -> None:
    routed = Routed()
    routed.sender.request_turn(ONE, 7)
    [(partition, seconds)] = routed.dispatch_queue.later
    assert partition == 7
    assert seconds * 1000 > LEASE_MS
