"""Functions and instances of the server on one store: either dispatches, and both have clients of one subscription."""

from __future__ import annotations

import itertools
import json
from functools import partial
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from eventstore.access import FULL
from eventstore.adapters.redis.keys import turn_keys
from eventstore.durable.changes import StartPosition
from eventstore.filters import parse_filters
from eventstore.streams import DurableName, StreamName
from eventstore.subscriptions import Durable, Subscription, SubscriptionKey
from tests.examples import events
from tests.functional.server.beside import OWN_ID, Client, Functions, Instance, Queues

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eventstore.hub.hub import Hub
    from eventstore_hosting.valkey import ValkeyServer

NAME = DurableName("workers")
STREAMS = [StreamName(f"workflow-{number}") for number in range(12)]
ON_GATEWAY = "L0SM9cOFvHcCIhw="
PARTITIONS = 16


@pytest.fixture
def functions(valkey: ValkeyServer) -> Iterator[Functions]:
    """A serverless hub on an empty store, with a durable subscription."""
    with Redis.from_url(valkey.url) as plain:
        plain.flushall()
    functions = Functions(valkey.url, Queues())
    durable = Durable(SubscriptionKey("0" * 24), NAME, parse_filters([]))
    functions.hub.durable_subscriptions.create(durable, StartPosition(oldest=True), access=FULL)
    functions.run()
    try:
        yield functions
    finally:
        functions.stop()


def publish(hubs: Sequence[Hub], *, rounds: int, start: int) -> set[tuple[str, int]]:
    """Publish an event to each stream in every round, over one hub after the other."""
    turn = itertools.cycle(hubs)
    stored = set()
    for number in range(start, start + rounds):
        for stream in STREAMS:
            next(turn).publisher.publish(events(1, start=number), stream=stream, access=FULL)
            stored.add((stream, number))
    return stored


def received_by(clients: Sequence[Client]) -> set[tuple[str, int]]:
    return {event for client in clients for event in client.received}


def assert_in_order(client: Client) -> None:
    """Each stream is in order, if what was sent again is left out."""
    newest: dict[str, int] = {}
    for stream, sequence in dict.fromkeys(client.received):
        assert sequence > newest.get(stream, 0), (stream, sequence)
        newest[stream] = sequence


@pytest.mark.parametrize("dispatch", ["lambda", "server"])
def test_members_on_both_ways_share_a_durable_subscription_whoever_dispatches(
    functions: Functions, valkey: ValkeyServer, dispatch: str
) -> None:
    instance = Instance(functions, valkey.url, dispatch=dispatch)
    instance.start()
    try:
        clients = [functions.join(ON_GATEWAY, NAME), instance.join(NAME)]
        stored = publish([functions.hub, instance.hub], rounds=5, start=1)
        functions.wait_until(lambda: received_by(clients) >= stored)
        # Partitions move to who joined last; from then on, both receive events.
        functions.wait_until(lambda: all(_owns(client) for client in clients))
        stored |= publish([functions.hub, instance.hub], rounds=5, start=6)
        functions.wait_until(lambda: received_by(clients) >= stored)
        for client in clients:
            assert client.received
            assert_in_order(client)
    finally:
        instance.stop()


def _owns(client: Client) -> bool:
    owned = [message for message in client.messages if message["type"] in {"owned", "revoked"}]
    last = {message["partition"]: message["type"] for message in owned}
    return "owned" in last.values()


def test_switching_who_dispatches_loses_and_reorders_nothing(functions: Functions, valkey: ValkeyServer) -> None:
    member = functions.join(ON_GATEWAY, NAME)
    clients, start = [member], itertools.count(1, 3)
    stored: set[tuple[str, int]] = set()

    def all_received() -> bool:
        return received_by(clients) >= stored

    for dispatch in ("server", "lambda", "server"):
        instance = Instance(functions, valkey.url, dispatch=dispatch)
        instance.start()
        clients.append(instance.join(NAME))
        stored |= publish([instance.hub, functions.hub], rounds=3, start=next(start))
        functions.wait_until(all_received)
        # Events are under way while the instance stops.
        stored |= publish([functions.hub, instance.hub], rounds=3, start=next(start))
        instance.stop()
        stored |= publish([functions.hub], rounds=3, start=next(start))
        functions.wait_until(all_received)
    for client in clients:
        assert_in_order(client)


@pytest.mark.parametrize("dispatch", ["lambda", "server"])
def test_a_subscriber_of_api_gateway_receives_what_is_published_over_the_server(
    functions: Functions, valkey: ValkeyServer, dispatch: str
) -> None:
    instance = Instance(functions, valkey.url, dispatch=dispatch)
    instance.start()
    try:
        before = publish([instance.hub], rounds=1, start=1)
        client = functions.connect(ON_GATEWAY)
        subscription = Subscription(SubscriptionKey("1" * 24), client.connection.id, OWN_ID, parse_filters([]))
        functions.hub.subscriptions.wake(functions.hub.subscriptions.start(subscription, access=FULL, oldest=True))
        # Nothing is published meanwhile: the instance learns of the subscription by the function.
        functions.wait_until(lambda: received_by([client]) >= before)
        stored = publish([instance.hub, functions.hub], rounds=2, start=2)
        functions.wait_until(lambda: received_by([client]) >= before | stored)
        assert_in_order(client)
    finally:
        instance.stop()


@pytest.mark.parametrize("dispatch", ["lambda", "server"])
def test_either_side_closes_connections_of_the_other(functions: Functions, valkey: ValkeyServer, dispatch: str) -> None:
    instance = Instance(functions, valkey.url, dispatch=dispatch)
    instance.start()
    try:
        on_gateway, on_server = functions.join(ON_GATEWAY, NAME), instance.join(NAME)
        functions.hub.connections.close(on_server.connection.id, access=FULL)
        instance.hub.connections.close(on_gateway.connection.id, access=FULL)
        for client in (on_gateway, on_server):
            functions.wait_until(partial(_is_closed, client))
            assert functions.hub.registry.connection(client.connection.id) is None
        [session] = instance.sessions
        assert session.closed
    finally:
        instance.stop()


def _is_closed(client: Client) -> bool:
    return any("code" in message for message in client.messages)


def test_the_server_ends_subscriptions_of_api_gateway_in_the_store(functions: Functions, valkey: ValkeyServer) -> None:
    instance = Instance(functions, valkey.url, dispatch="server")
    instance.start()
    try:
        client = functions.connect(ON_GATEWAY)
        subscription = Subscription(SubscriptionKey("1" * 24), client.connection.id, OWN_ID, parse_filters([]))
        functions.hub.subscriptions.wake(functions.hub.subscriptions.start(subscription, access=FULL))
        functions.wait_until(lambda: sum(message["type"] == "live" for message in client.messages) == PARTITIONS)
        instance.hub.connections.close(client.connection.id, access=FULL)
        assert [functions.hub.turns.caught_up(partition) for partition in range(PARTITIONS)] == [[]] * PARTITIONS
    finally:
        instance.stop()


def test_subscriptions_end_whose_connection_another_process_removed(functions: Functions, valkey: ValkeyServer) -> None:
    instance = Instance(functions, valkey.url, dispatch="server")
    instance.start()
    try:
        client, key = instance.connect(), SubscriptionKey("1" * 24)
        subscription = Subscription(key, client.connection.id, OWN_ID, parse_filters([]))
        instance.hub.subscriptions.start(subscription, access=FULL)
        functions.hub.members.disconnect(client.connection.id)
        instance.service.feed.end_orphans()
        assert instance.service.feed.has(key)
        instance.service.sessions.remove(client.connection.id)
        instance.service.feed.end_orphans()
        assert not instance.service.feed.has(key)
    finally:
        instance.stop()


def test_an_instance_that_stops_requests_a_turn_of_each_of_its_partitions(
    functions: Functions, valkey: ValkeyServer
) -> None:
    instance = Instance(functions, valkey.url, dispatch="server")
    instance.start()
    functions.queues.sent.clear()
    instance.stop()
    requested = {json.loads(body).get("partition") for body in functions.queues.sent["BELLS"]}
    assert requested == set(range(PARTITIONS))


def test_an_instance_takes_no_lease_where_functions_dispatch(functions: Functions, valkey: ValkeyServer) -> None:
    instance = Instance(functions, valkey.url, dispatch="lambda")
    instance.start()
    try:
        member = instance.join(NAME)
        stored = publish([instance.hub], rounds=2, start=1)
        functions.wait_until(lambda: received_by([member]) >= stored)
        assert instance.service.workers.owned == frozenset()
        with Redis.from_url(valkey.url) as plain:
            assert not any(plain.hexists(turn_keys(partition).turn, "dispatcher") for partition in range(PARTITIONS))
    finally:
        instance.stop()


def test_while_instances_of_both_settings_run_every_partition_is_dispatched(
    functions: Functions, valkey: ValkeyServer
) -> None:
    instances = [Instance(functions, valkey.url, dispatch=dispatch) for dispatch in ("server", "lambda")]
    for instance in instances:
        instance.start()
    try:
        dispatching, other = instances
        # Each knows of the other, so some partitions fall to one that does not dispatch.
        functions.wait_until(lambda: len(dispatching.service.cluster.live) == 2, every=0.05)
        functions.wait_until(lambda: 0 < len(dispatching.service.workers.owned) < PARTITIONS, every=0.05)
        members = [dispatching.join(NAME), other.join(NAME), functions.join(ON_GATEWAY, NAME)]
        stored = publish([dispatching.hub], rounds=3, start=1)
        functions.wait_until(lambda: received_by(members) >= stored)
        for member in members:
            assert_in_order(member)
    finally:
        for instance in instances:
            instance.stop()


def test_members_of_an_instance_that_is_gone_make_room_for_others(functions: Functions, valkey: ValkeyServer) -> None:
    instance = Instance(functions, valkey.url, dispatch="lambda")
    instance.start()
    gone = instance.join(NAME)
    stored = publish([functions.hub], rounds=1, start=1)
    functions.wait_until(lambda: received_by([gone]) >= stored)
    # It ends without a word to its clients, and leaves.
    instance.sessions.clear()
    instance.stop()
    member = functions.join(ON_GATEWAY, NAME)
    later = publish([functions.hub], rounds=1, start=2)
    functions.wait_until(lambda: received_by([member]) >= later)
    assert functions.hub.registry.connection(gone.connection.id) is None
