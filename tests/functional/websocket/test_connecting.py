"""Subprotocols, and the subscription in the URL of a client of bare events (docs/protocol.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.rest.api import cloudevent

if TYPE_CHECKING:
    from tests.functional.websocket.clients import Client, Gateway

BARE = ["cloudevents.json"]


def recorded(messages: list[dict[str, Any]]) -> list[str]:
    return [message["id"] for message in messages if "hubsequence" in message]


def publish(gateway: Gateway, *events: dict[str, object], stream: str = "wf") -> None:
    publisher, _ = gateway.connect()
    assert publisher.send({"action": "publish", "events": list(events), "stream": stream})["type"] == "published"


@pytest.mark.parametrize(
    ("named", "chosen"),
    [
        (["eventstore.v1"], "eventstore.v1"),
        (["cloudevents.json"], "cloudevents.json"),
        (["mqtt", "cloudevents.json", "eventstore.v1"], "cloudevents.json"),
    ],
)
def test_the_first_subprotocol_that_is_known_is_chosen(gateway: Gateway, named: list[str], chosen: str) -> None:
    _, answer = gateway.connect(protocols=named)
    assert answer == {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": chosen}}


def test_unknown_subprotocols_are_refused(gateway: Gateway) -> None:
    assert gateway.connect(protocols=["mqtt"])[1]["statusCode"] == 400


def test_the_first_event_carries_the_start_cursor(gateway: Gateway) -> None:
    client, _ = gateway.connect(protocols=BARE)
    [first] = client.received()
    assert (first["type"], first["source"]) == ("io.flunq.hub.subscribed", "/hub")
    assert first["data"] == {"recovery": "complete", "partitions": [0, 1, 2, 3]}
    assert first["hubcursor"]


def test_events_arrive_bare(gateway: Gateway) -> None:
    client, _ = gateway.connect(protocols=BARE)
    publish(gateway, cloudevent("1", data={"n": 1}))
    event = client.received()[-1]
    assert (event["id"], event["data"], event["hubstream"], event["hubframe"]) == ("1", {"n": 1}, "wf", 1)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", ["1", "2", "3"]),
        ("type=a.x", ["1"]),
        ("type=a.*", ["1", "2"]),
        ("type=a.x&type=b", ["1", "3"]),
        ("type=a.*&subject=s", ["2"]),
        ("filter=subject%20%3D%20%27s%27", ["2"]),
        ("stream=wf&type=b", ["3"]),
        ("stream=other", []),
    ],
)
def test_the_parameters_of_the_url_select_events(gateway: Gateway, query: str, wanted: list[str]) -> None:
    client, answer = gateway.connect(query=query, protocols=BARE)
    assert answer["statusCode"] == 200
    publish(gateway, cloudevent("1", type="a.x"), cloudevent("2", type="a.y", subject="s"), cloudevent("3", type="b"))
    assert recorded(client.received()) == wanted


def test_a_client_that_resumes_from_its_cursors_misses_nothing(gateway: Gateway) -> None:
    client, _ = gateway.connect(protocols=BARE)
    publish(gateway, cloudevent("1"))
    first, event = client.received()
    client.disconnect()
    publish(gateway, cloudevent("2"))
    publish(gateway, cloudevent("3"), stream="another")
    query = f"cursor={first['hubcursor']}&cursor={event['hubcursor']}"
    again, _ = gateway.connect(query=query, protocols=BARE)
    assert sorted(recorded(again.received())) == ["2", "3"]


@pytest.mark.parametrize(
    "query",
    [
        "typ=a",
        "type=",
        "from=yesterday",
        "from=now&from=now",
        "filter=1%20%2B",
        "stream=a/b",
        "cursor=x",
        "subscription=w",
    ],
)
def test_an_invalid_parameter_of_the_url_is_refused(gateway: Gateway, query: str) -> None:
    client, answer = gateway.connect(query=query, protocols=BARE)
    assert answer["statusCode"] == 400
    assert client.received() == []


def test_a_subscription_in_the_url_needs_the_subprotocol(gateway: Gateway) -> None:
    assert gateway.connect(query="type=a")[1]["statusCode"] == 400


class TestPublishing:
    @pytest.fixture
    def bare(self, gateway: Gateway) -> Client:
        return gateway.connect(protocols=BARE)[0]

    def test_a_published_event_is_answered_with_an_event(self, bare: Client) -> None:
        answer = bare.send(cloudevent("e1", workflowid="wf"))
        assert (answer["type"], answer["subject"]) == ("io.flunq.hub.published", "e1")
        assert answer["data"]["results"][0]["sequence"] == 1

    def test_an_invalid_event_is_refused_with_an_event(self, bare: Client) -> None:
        answer = bare.send({"specversion": "1.0", "id": "e1"})
        assert (answer["type"], answer["data"]["code"]) == ("io.flunq.hub.refused", "invalid-event")

    def test_an_event_with_an_attribute_called_action_is_an_event(self, bare: Client) -> None:
        answer = bare.send(cloudevent("e1", action="ping"))
        assert answer["type"] == "io.flunq.hub.published"
