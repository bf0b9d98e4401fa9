"""`eventstore.v1`, message by message (docs/protocol.md)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.errors import StoreUnavailable
from functions.hub import hub
from tests.functional.rest.api import cloudevent

if TYPE_CHECKING:
    from tests.functional.websocket.clients import Client, Gateway


def ids(messages: list[dict[str, Any]]) -> list[str]:
    return [event["id"] for message in messages if message["type"] == "events" for event in message["events"]]


def test_a_ping_is_answered(client: Client) -> None:
    assert client.send({"action": "ping", "request": "r"}) == {"type": "pong", "request": "r"}


def test_subscribing_is_answered_with_the_start_cursor(client: Client) -> None:
    subscribed = client.send({"action": "subscribe", "id": "s1", "request": "r"})
    cursor = subscribed.pop("cursor")
    assert subscribed == {
        "type": "subscribed",
        "id": "s1",
        "recovery": "complete",
        "request": "r",
        "partitions": [0, 1, 2, 3],
    }
    assert cursor


def test_published_events_arrive(client: Client) -> None:
    client.send({"action": "subscribe", "id": "s1"})
    client.send({"action": "publish", "events": [cloudevent("1"), cloudevent("2")], "stream": "wf"})
    assert ids(client.received()) == ["1", "2"]


def test_a_publish_is_answered_as_over_rest(client: Client) -> None:
    message = {"action": "publish", "request": "r", "events": [cloudevent("1")], "stream": "wf", "expected": 0}
    result = {"stream": "wf", "sequence": 1, "id": "1"}
    assert client.send(message) == {"type": "published", "request": "r", "results": [{**result, "duplicate": False}]}
    assert client.send(message)["results"] == [{**result, "duplicate": True}]


def test_numbers_are_published_verbatim(client: Client) -> None:
    client.send({"action": "subscribe", "id": "s1"})
    event = '{"specversion":"1.0","id":"1","source":"/s","type":"t","data":[1.0,1e400,12345678901234567890]}'
    client.send(f'{{"action":"publish","events":[{event}]}}')
    client.gateway.dispatch_queue.requested_turns = [0, 1, 2, 3]
    [delivery] = [text for text in _sent(client) if "12345678901234567890" in text]
    assert "[1.0,1e400,12345678901234567890]" in delivery


def _sent(client: Client) -> list[str]:
    for partition in client.gateway.dispatch_queue.requested_turns:
        hub().dispatcher.serve(partition, until=hub().clock.now() + 1000)
    return client.gateway.deliveries.sent


def test_a_wrong_expected_version_is_reported_with_the_actual_one(client: Client) -> None:
    answer = client.send({"action": "publish", "events": [cloudevent("1")], "stream": "wf", "expected": 7})
    assert (answer["type"], answer["code"], answer["actual"]) == ("error", "wrong-expected-version", 0)


def test_from_start_every_stored_event_arrives(client: Client) -> None:
    client.send({"action": "publish", "events": [cloudevent("1")], "stream": "wf"})
    client.send({"action": "subscribe", "id": "s1", "from": "start", "stream": "wf"})
    assert ids(client.received()) == ["1"]


def test_unsubscribing_ends_the_delivery(client: Client) -> None:
    client.send({"action": "subscribe", "id": "s1"})
    client.received()
    assert client.send({"action": "unsubscribe", "id": "s1"}) == {"type": "unsubscribed", "id": "s1"}
    client.send({"action": "publish", "events": [cloudevent("1")]})
    assert client.received() == []


def test_a_resumed_subscription_receives_the_events_it_missed(client: Client, gateway: Gateway) -> None:
    began = client.send({"action": "subscribe", "id": "s1"})
    client.send({"action": "publish", "events": [cloudevent("1")], "stream": "wf"})
    newest = {message["partition"]: message["cursor"] for message in client.received()}
    client.disconnect()
    other, _ = gateway.connect()
    other.send({"action": "publish", "events": [cloudevent("2")], "stream": "wf"})
    again = other.send({"action": "subscribe", "id": "s1", "cursor": [began["cursor"], *newest.values()]})
    assert (again["recovery"], ids(other.received())) == ("complete", ["2"])


def test_a_disconnected_client_is_removed(client: Client) -> None:
    client.send({"action": "subscribe", "id": "s1"})
    client.disconnect()
    assert client.received() == []
    assert client.send({"action": "ping"})["code"] == "connection-not-found"


@pytest.mark.parametrize(
    ("message", "code", "pointer"),
    [
        ("no json", "malformed", None),
        ("[]", "malformed", None),
        ({}, "unknown-action", "/action"),
        ({"action": "dance"}, "unknown-action", "/action"),
        ({"action": 7}, "invalid-request", "/action"),
        ({"action": "ping", "pong": 1}, "invalid-request", "/pong"),
        ({"action": "ping", "request": 7}, "invalid-request", "/request"),
        ({"action": "subscribe"}, "invalid-request", "/id"),
        ({"action": "subscribe", "id": "a b"}, "invalid-request", "/id"),
        ({"action": "subscribe", "id": "s", "filter": []}, "invalid-request", "/filter"),
        ({"action": "subscribe", "id": "s", "filters": {}}, "invalid-filter", "/filters"),
        ({"action": "subscribe", "id": "s", "filters": [{"exact": {}}]}, "invalid-filter", "/filters/0/exact"),
        ({"action": "subscribe", "id": "s", "filters": [{"like": {}}]}, "invalid-filter", "/filters/0/like"),
        ({"action": "subscribe", "id": "s", "from": "yesterday"}, "invalid-request", "/from"),
        ({"action": "subscribe", "id": "s", "from": "now", "cursor": "x"}, "invalid-request", "/from"),
        ({"action": "subscribe", "id": "s", "cursor": "nonsense"}, "invalid-cursor", "/cursor"),
        ({"action": "subscribe", "id": "s", "cursor": []}, "invalid-request", "/cursor"),
        ({"action": "subscribe", "id": "s", "stream": "a/b"}, "invalid-stream", "/stream"),
        ({"action": "subscribe", "id": "s", "stream": ["x"] * 101}, "invalid-request", "/stream"),
        ({"action": "unsubscribe", "id": "s"}, "subscription-not-found", None),
        ({"action": "publish"}, "invalid-request", "/events"),
        ({"action": "publish", "events": [7]}, "malformed", "/events/0"),
        ({"action": "publish", "events": [{}]}, "invalid-event", "/events/0/specversion"),
        ({"action": "publish", "events": [], "expected": -1}, "invalid-request", "/expected"),
    ],
)
def test_an_invalid_message_is_refused_with_a_pointer(
    client: Client, message: object, code: str, pointer: str | None
) -> None:
    answer = client.send(message)
    assert (answer["type"], answer["code"], answer.get("pointer")) == ("error", code, pointer)


def test_an_error_in_sql_is_reported_with_its_position(client: Client) -> None:
    answer = client.send({"action": "subscribe", "id": "s", "request": "r", "filters": [{"sql": "type = = 'x'"}]})
    assert (answer["code"], answer["pointer"], answer["position"]) == ("invalid-filter", "/filters/0/sql", 7)
    assert (answer["id"], answer["request"]) == ("s", "r")


def test_an_id_serves_once(client: Client) -> None:
    client.send({"action": "subscribe", "id": "s"})
    assert client.send({"action": "subscribe", "id": "s"})["code"] == "subscription-conflict"


def test_an_unavailable_store_is_reported(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("the store does not answer")

    monkeypatch.setattr(type(hub().log), "append", away)
    assert client.send({"action": "publish", "events": [cloudevent("1")]})["code"] == "store-unavailable"


def test_a_fault_is_logged_and_hidden_from_the_client(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(type(hub().log), "append", broken)
    answer = client.send({"action": "publish", "events": [cloudevent("1")]})
    assert answer["code"] == "internal"
    assert "secret" not in json.dumps(answer)
    assert "a secret" in caplog.text


def test_an_empty_batch_is_published_and_has_no_results(client: Client) -> None:
    answer = client.send({"action": "publish", "events": [], "stream": "wf", "request": "r"})
    assert (answer["type"], answer["request"], answer["results"]) == ("published", "r", [])
