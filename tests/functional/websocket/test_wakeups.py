"""What is stored is answered so though the queue that wakes `dispatch` up is away; the sweep makes up for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from eventstore.durable.admin import StartPosition
from eventstore.filters import parse_filters
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
    """The queue is back, and the sweep comes by."""
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
def test_what_is_stored_is_no_failure(
    gateway: Gateway, client: Client, act: Callable[[Client], dict[str, Any]], answer: str
) -> None:
    gateway.dispatch_queue.broken = True
    assert act(client)["type"] == answer


@pytest.mark.parametrize("message", ["ack", "nack", "release"])
def test_what_a_member_says_is_no_failure(gateway: Gateway, client: Client, message: str) -> None:
    joined(client)
    published(client)
    sent = next(one for one in client.received() if one["type"] == "events")
    messages = {
        "ack": {"action": "ack", "id": "w", "cursor": sent["cursor"]},
        "nack": {"action": "nack", "id": "w", "stream": "wf", "sequence": 1, "reason": "no"},
        "release": {"action": "release", "id": "w", "partition": partition_of("wf", 4)},
    }
    gateway.dispatch_queue.broken = True
    assert client.send(messages[message])["type"] in {"acknowledged", "released"}


def test_a_subscription_that_nobody_heard_of_is_carried_on_by_the_sweep(gateway: Gateway, client: Client) -> None:
    gateway.dispatch_queue.broken = True
    subscribed(client)
    published(client)
    swept(gateway)
    assert [event["id"] for message in client.received() for event in message.get("events", ())] == ["1"]


def test_a_member_that_nobody_heard_of_gets_its_events_by_the_sweep(gateway: Gateway, client: Client) -> None:
    published(client)
    gateway.settle()
    gateway.dispatch_queue.broken = True
    joined(client)
    swept(gateway)
    assert [event["id"] for message in client.received() for event in message.get("events", ())] == ["1"]


def test_a_bare_connection_opens_though_nobody_is_woken_up(gateway: Gateway) -> None:
    gateway.dispatch_queue.broken = True
    _, answer = gateway.connect(query="from=start", protocols=[BARE])
    assert answer["statusCode"] == 200


def test_a_bare_connection_whose_first_message_cannot_be_sent_is_refused_and_forgotten(gateway: Gateway) -> None:
    gateway.deliveries.broken = True
    client, answer = gateway.connect(protocols=[BARE])
    assert answer["statusCode"] == 503
    assert hub().registry.connection(client.connection) is None
