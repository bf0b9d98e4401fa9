"""Named filters over WebSocket: subscriptions of a connection, and members of durable subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from eventstore.access import FULL, Access, Scope
from eventstore.durable.admin import StartPosition
from eventstore.filters import parse_filters
from eventstore.filters.named import FilterReference
from eventstore.subscriptions import Durable
from functions.hub import hub
from tests.fresh import reread
from tests.functional.rest.api import cloudevent

if TYPE_CHECKING:
    from tests.functional.websocket.clients import Client, Gateway

BARE = ["cloudevents.json"]


@pytest.fixture(autouse=True)
def _chosen(gateway: Gateway) -> None:
    assert gateway
    put({"prefix": {"type": "task."}})


def put(*filters: object, name: str = "chosen") -> None:
    hub().filter_admin.put(name, parse_filters(list(filters)), access=FULL)


def publish(client: Client, *events: tuple[str, str], stream: str = "wf") -> None:
    given = [cloudevent(event_id, type=kind) for event_id, kind in events]
    assert client.send({"action": "publish", "events": given, "stream": stream})["type"] == "published"


def ids(messages: list[dict[str, Any]]) -> list[str]:
    return [event["id"] for message in messages if message["type"] == "events" for event in message["events"]]


def test_a_subscription_receives_what_matches_the_named_filter_too(client: Client) -> None:
    filters = [{"suffix": {"type": ".failed"}}]
    client.send({"action": "subscribe", "id": "both", "filters": filters, "filter_name": "chosen"})
    publish(client, ("1", "task.failed"), ("2", "task.done"), ("3", "order.failed"))
    assert ids(client.received()) == ["1"]


def test_a_subscription_of_a_connection_uses_the_filter_as_it_was_when_it_started(client: Client) -> None:
    client.send({"action": "subscribe", "id": "early", "filter_name": "chosen"})
    put({"prefix": {"type": "order."}})
    client.send({"action": "subscribe", "id": "late", "filter_name": "chosen"})
    publish(client, ("1", "task.done"), ("2", "order.placed"))
    received = client.received()
    assert ids([message for message in received if message["id"] == "early"]) == ["1"]
    assert ids([message for message in received if message["id"] == "late"]) == ["2"]


@pytest.mark.parametrize(
    ("name", "code"),
    [("none", "filter-not-found"), ("a b", "filter-not-found"), ("", "filter-not-found"), (7, "invalid-request")],
)
def test_a_filter_that_does_not_exist_starts_nothing(client: Client, name: object, code: str) -> None:
    refused = client.send({"action": "subscribe", "id": "s1", "filter_name": name})
    assert (refused["type"], refused["code"]) == ("error", code)
    assert client.send({"action": "unsubscribe", "id": "s1"})["code"] == "subscription-not-found"


def test_filters_that_are_too_long_together_start_nothing(client: Client) -> None:
    put({"exact": {"type": "t" * 4000}})
    filters = [{"exact": {"type": "t" * 4500}}]
    refused = client.send({"action": "subscribe", "id": "s1", "filters": filters, "filter_name": "chosen"})
    assert (refused["code"], refused["pointer"]) == ("invalid-filter", "/filters")


def test_the_url_names_a_filter(gateway: Gateway) -> None:
    client, answer = gateway.connect(query="filter_name=chosen&type=*", protocols=BARE)
    assert answer["statusCode"] == 200
    for event_id, kind in (("1", "task.done"), ("2", "order.placed")):
        client.send(cloudevent(event_id, type=kind))
    assert [event["id"] for event in client.received() if "hubsequence" in event] == ["1"]


@pytest.mark.parametrize(
    ("query", "status"),
    [("filter_name=none", 404), ("filter_name=chosen&filter_name=chosen", 400), ("filter_name=", 400)],
)
def test_a_url_that_names_no_filter_is_refused(gateway: Gateway, query: str, status: int) -> None:
    client, answer = gateway.connect(query=query, protocols=BARE)
    assert answer["statusCode"] == status
    assert hub().registry.connection(client.connection) is None


def test_a_member_receives_changed_when_the_filter_of_its_subscription_changes(client: Client) -> None:
    own = parse_filters([])
    durable = Durable(hub().new_id(), "workers", own, reference=FilterReference("chosen", own))
    hub().durable_subscriptions.create(durable, StartPosition(oldest=True), access=FULL)
    client.send({"action": "subscribe", "id": "w", "subscription": "workers"})
    client.received()
    put({"prefix": {"type": "order."}})
    changed = [message for message in client.received() if message["type"] == "changed"]
    assert {(message["subscription"], message["version"]) for message in changed} == {("workers", 2)}
    publish(client, ("1", "task.done"), ("2", "order.placed"))
    assert ids(client.received()) == ["2"]


def test_a_subscription_is_confined_whatever_filter_it_names(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    put(name="acme:all")
    monkeypatch.setenv("AUTH", "jwt")
    reread()
    context = Access.of("someone", Scope, tenants=["acme"]).encoded()
    acme, _ = gateway.connect(authorizer=context)
    assert acme.send({"action": "subscribe", "id": "all", "filter_name": "acme:all"})["type"] == "subscribed"
    assert acme.send({"action": "subscribe", "id": "other", "filter_name": "chosen"})["code"] == "filter-not-found"
    everyone, _ = gateway.connect(authorizer=Access.of("operator", Scope).encoded())
    publish(everyone, ("1", "t"), stream="acme:wf")
    publish(everyone, ("2", "t"), stream="other:wf")
    assert ids(acme.received()) == ["1"]


def test_a_publisher_alone_learns_nothing_of_filters(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH", "jwt")
    reread()
    client, _ = gateway.connect(authorizer=Access.of("someone", [Scope.PUBLISH]).encoded())
    for name in ("chosen", "none"):
        assert client.send({"action": "subscribe", "id": "s1", "filter_name": name})["code"] == "forbidden"
