"""An operator closes a connection: what the functions do, and what they send to the client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.subscriptions import BARE
from functions.hub import hub
from tests.examples import event
from tests.functional.rest.api import Api
from tests.functional.websocket.test_taking_part import NAME, make
from tests.trusted import Trusted

if TYPE_CHECKING:
    from tests.functional.websocket.clients import Client, Gateway


def close(client: Client) -> None:
    reply = Api().call("DELETE", f"/api/v1/connections/{client.connection}")
    assert reply.status == 204, reply.body


def publish(name: str) -> None:
    Trusted(hub().publisher).publish([event(name)], stream="wf")


def test_a_closed_client_gets_its_frames_then_the_reason_and_nothing_more(gateway: Gateway, client: Client) -> None:
    client.send({"action": "subscribe", "id": "s"})
    publish("1")
    gateway.dispatch(*({"partition": partition} for partition in range(4)))
    close(client)
    publish("2")
    messages = client.received()
    assert [message["type"] for message in messages if message["type"] != "live"] == ["events", "error"]
    assert messages[-1] == {
        "type": "error",
        "code": "connection-not-found",
        "detail": "an operator closed this connection; connect again and resume from your cursors",
    }


def test_the_connection_is_closed_after_the_reason(gateway: Gateway, client: Client) -> None:
    client.send({"action": "subscribe", "id": "s"})
    client.received()
    close(client)
    [closing] = gateway.dispatch_queue.closing
    gateway.dispatch({"gone": closing.id, "close": closing.protocol, "opened": closing.opened})
    [posting] = gateway.deliveries.take_postings()
    assert (posting.connection, posting.closes, posting.opened) == (client.connection, True, closing.opened)


def test_a_client_of_bare_events_gets_the_reason_as_an_event(gateway: Gateway) -> None:
    client, answer = gateway.connect(protocols=[BARE])
    assert answer["statusCode"] == 200
    client.received()
    close(client)
    [message] = client.received()
    assert (message["type"], message["source"]) == ("io.flunq.hub.closed", "/hub")
    assert message["data"]["code"] == "connection-not-found"


def test_a_message_of_a_closed_client_is_refused(client: Client) -> None:
    close(client)
    assert client.send({"action": "ping"})["code"] == "connection-not-found"


def test_a_closed_member_leaves_its_group(gateway: Gateway, client: Client) -> None:
    make()
    other, _ = gateway.connect()
    for member in (client, other):
        member.send({"action": "subscribe", "id": "w", "subscription": NAME})
    gateway.settle()
    close(client)
    gateway.settle()
    standing = Trusted(hub().directory).describe(NAME)
    assert [member.connection for member in standing.members] == [other.connection]
    assert {part.owner for part in standing.partitions} == {other.connection}


def test_dispatch_completes_an_unfinished_closing(gateway: Gateway, client: Client) -> None:
    client.send({"action": "subscribe", "id": "s"})
    client.received()
    gateway.dispatch({"gone": client.connection, "close": "eventstore.v1", "opened": 1})
    assert hub().registry.connection(client.connection) is None
    assert [posting.closes for posting in gateway.deliveries.take_postings()] == [True]


def test_a_repeated_request_closes_again_and_changes_nothing_else(gateway: Gateway, client: Client) -> None:
    request = {"gone": client.connection, "close": "eventstore.v1", "opened": 1}
    gateway.dispatch(request)
    gateway.dispatch(request)
    assert [posting.closes for posting in gateway.deliveries.take_postings()] == [True, True]


def test_a_request_is_retried_when_no_delivery_can_be_sent(gateway: Gateway, client: Client) -> None:
    gateway.deliveries.broken = True
    gateway.fail({"gone": client.connection, "close": "eventstore.v1", "opened": 1})
    assert hub().registry.connection(client.connection) is None
