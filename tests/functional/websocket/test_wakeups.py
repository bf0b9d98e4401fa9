"""A stored change is answered as stored although the dispatch queue is unavailable; the sweep wakes `dispatch` up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from eventstore.adapters.redis.turns import RedisTurns
from eventstore.durable.admin import StartPosition
from eventstore.filters import parse_filters
from eventstore.ports import InstanceId, Lease
from eventstore.streams import partition_of
from eventstore.subscriptions import BARE, Durable
from functions.hub import hub
from functions.sweep.app import handler as sweep
from tests.functional.rest.api import Context, cloudevent
from tests.trusted import Trusted

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.websocket.clients import Client, Gateway

_NAME = "workers"


@pytest.fixture(autouse=True)
def workers(gateway: Gateway) -> None:
    del gateway
    operators = Trusted(hub().durable_subscriptions)
    operators.create(Durable(hub().new_id(), _NAME, parse_filters([])), StartPosition(oldest=True))


def swept(gateway: Gateway) -> None:
    """Make the queue available again, and run the sweep."""
    gateway.dispatch_queue.broken = False
    sweep({}, Context())  # type: ignore[arg-type]


def subscribed(client: Client) -> dict[str, Any]:
    return client.send({"action": "subscribe", "id": "s"})


def published(client: Client) -> dict[str, Any]:
    return client.send({"action": "publish", "events": [cloudevent("1")], "stream": "wf"})


def joined(client: Client) -> dict[str, Any]:
    return client.send({"action": "subscribe", "id": "w", "subscription": _NAME})


def unsubscribed(client: Client) -> dict[str, Any]:
    joined(client)
    return client.send({"action": "unsubscribe", "id": "w"})


@pytest.mark.parametrize(
    ("act", "answer"),
    [(subscribed, "subscribed"), (published, "published"), (joined, "subscribed"), (unsubscribed, "unsubscribed")],
)
def test_a_stored_change_without_a_wakeup_is_no_failure(
    gateway: Gateway, client: Client, act: Callable[[Client], dict[str, Any]], answer: str
) -> None:
    gateway.dispatch_queue.broken = True
    assert act(client)["type"] == answer


@pytest.mark.parametrize("message", ["ack", "nack", "release"])
def test_a_members_command_without_a_wakeup_is_no_failure(gateway: Gateway, client: Client, message: str) -> None:
    joined(client)
    published(client)
    sent = next(message for message in client.received() if message["type"] == "events")
    messages = {
        "ack": {"action": "ack", "id": "w", "cursor": sent["cursor"]},
        "nack": {"action": "nack", "id": "w", "stream": "wf", "sequence": 1, "reason": "no"},
        "release": {"action": "release", "id": "w", "partition": partition_of("wf", 4)},
    }
    gateway.dispatch_queue.broken = True
    assert client.send(messages[message])["type"] in {"acknowledged", "released"}


def test_the_sweep_wakes_up_dispatch_for_a_subscription(gateway: Gateway, client: Client) -> None:
    gateway.dispatch_queue.broken = True
    subscribed(client)
    published(client)
    swept(gateway)
    assert [event["id"] for message in client.received() for event in message.get("events", ())] == ["1"]


def test_the_sweep_wakes_up_dispatch_for_a_member(gateway: Gateway, client: Client) -> None:
    published(client)
    gateway.settle()
    gateway.dispatch_queue.broken = True
    joined(client)
    swept(gateway)
    assert [event["id"] for message in client.received() for event in message.get("events", ())] == ["1"]


def test_dispatch_leaves_a_partition_to_the_server_that_leases_it(gateway: Gateway, client: Client) -> None:
    subscribed(client)
    gateway.settle()
    server = RedisTurns(hub().redis, partitions=4, lease=Lease(InstanceId("server"), 600_000))
    partition = partition_of("wf", 4)
    server.begin(partition, events=9, behind=9)
    published(client)
    # `dispatch` neither fails nor asks for another turn: the queue would hand the wake-up out again and again.
    assert (client.received(), gateway.dispatch_queue.requested_turns) == ([], [])
    swept(gateway)
    assert client.received() == []
    server.release(partition)
    swept(gateway)
    assert [event["id"] for message in client.received() for event in message.get("events", ())] == ["1"]


def test_a_bare_connection_opens_without_a_wakeup(gateway: Gateway) -> None:
    gateway.dispatch_queue.broken = True
    _, answer = gateway.connect(query="from=start", protocols=[BARE])
    assert answer["statusCode"] == 200


def test_a_bare_connection_whose_first_message_cannot_be_sent_is_refused_and_removed(gateway: Gateway) -> None:
    gateway.deliveries.broken = True
    client, answer = gateway.connect(protocols=[BARE])
    assert answer["statusCode"] == 503
    assert hub().registry.connection(client.connection) is None
