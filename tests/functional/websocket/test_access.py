"""Clients are held to what their credential grants: connecting, subscribing, taking part and publishing."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.access import Access, Scope
from eventstore.durable.admin import StartPosition
from eventstore.filters import parse_filters
from eventstore.subscriptions import Durable
from functions.hub import hub
from functions.websocket.app import handler
from tests.fresh import reread
from tests.functional.rest.api import Context, cloudevent
from tests.trusted import Trusted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.ports import Durables
    from tests.functional.websocket.clients import Client, Gateway


class Door:
    """Opens connections for somebody, as the gateway does: what the authorizer granted comes with every event."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    def connect(
        self, *scopes: Scope, tenants: Sequence[str] = (), query: str = "", protocols: Sequence[str] = ()
    ) -> tuple[Client, dict[str, Any]]:
        access = Access.of("someone", scopes or Scope, tenants=tenants)
        told = {"principalId": "someone", "integrationLatency": 7, **access.encoded()}
        return self.gateway.connect(query=query, protocols=protocols, authorizer=told)

    def opened(self, *scopes: Scope, tenants: Sequence[str] = ()) -> Client:
        client, answer = self.connect(*scopes, tenants=tenants)
        assert answer == {"statusCode": 200}
        return client


@pytest.fixture
def door(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Door:
    monkeypatch.setenv("AUTH", "jwt")
    reread()
    return Door(gateway)


@pytest.fixture
def everyone(door: Door) -> Client:
    return door.opened()


@pytest.fixture
def acme(door: Door) -> Client:
    return door.opened(tenants=["acme"])


def publish(client: Client, *events: dict[str, object], **members: object) -> dict[str, Any]:
    return client.send({"action": "publish", "events": list(events), **members})


def of(tenant: str, event_id: str = "1") -> dict[str, object]:
    return cloudevent(event_id, tenantid=tenant, workflowid="w")


def ids(messages: Sequence[dict[str, Any]]) -> list[str]:
    return [
        event["hubstream"] for message in messages if message.get("type") == "events" for event in message["events"]
    ]


def missing(messages: Sequence[dict[str, Any]]) -> list[str]:
    return [one["stream"] for message in messages for one in message.get("missing", ())]


@pytest.mark.parametrize("scope", [Scope.PUBLISH, Scope.SUBSCRIBE])
def test_who_may_publish_or_subscribe_connects(door: Door, scope: Scope) -> None:
    assert door.connect(scope)[1] == {"statusCode": 200}


@pytest.mark.parametrize("scope", [Scope.READ, Scope.ADMIN])
def test_who_may_neither_publish_nor_subscribe_does_not_connect(door: Door, scope: Scope) -> None:
    assert door.connect(scope)[1]["statusCode"] == 403


def test_who_may_not_subscribe_opens_no_connection_of_bare_events(door: Door) -> None:
    assert door.connect(Scope.PUBLISH, protocols=["cloudevents.json"])[1]["statusCode"] == 403


def test_a_connection_that_no_authorizer_was_asked_of_is_refused(door: Door) -> None:
    assert door.gateway.connect()[1]["statusCode"] == 403


def test_a_message_that_no_authorizer_stands_behind_is_refused(everyone: Client) -> None:
    everyone.authorizer = None
    assert publish(everyone, cloudevent("1"))["code"] == "forbidden"


@pytest.mark.parametrize(
    "message",
    [
        {"action": "subscribe", "id": "s"},
        {"action": "subscribe", "id": "s", "subscription": "w"},
        {"action": "ack", "id": "s", "cursor": "c"},
        {"action": "nack", "id": "s", "stream": "s", "sequence": 1},
        {"action": "release", "id": "s", "partition": 1},
    ],
)
def test_subscribing_and_what_belongs_to_it_need_its_scope(door: Door, message: dict[str, Any]) -> None:
    refused = door.opened(Scope.PUBLISH).send({**message, "request": "r"})
    assert (refused["code"], refused["id"], refused["request"]) == ("forbidden", "s", "r")
    assert "the scope subscribe" in refused["detail"]


def test_publishing_needs_its_scope(door: Door) -> None:
    refused = publish(door.opened(Scope.SUBSCRIBE), cloudevent("1"))
    assert (refused["type"], refused["code"]) == ("error", "forbidden")


def test_a_ping_needs_nothing(door: Door) -> None:
    assert door.opened(Scope.PUBLISH).send({"action": "ping"}) == {"type": "pong"}


def test_events_are_published_to_ones_own_streams(acme: Client) -> None:
    assert publish(acme, of("acme"))["type"] == "published"
    assert publish(acme, cloudevent("2"), stream="acme:x")["type"] == "published"


@pytest.mark.parametrize("members", [{}, {"stream": "other:x"}])
def test_a_publish_to_others_is_refused_and_stores_nothing(
    acme: Client, everyone: Client, members: dict[str, str]
) -> None:
    assert publish(acme, of("acme"), cloudevent("2"), **members)["code"] == "forbidden"
    assert publish(everyone, of("acme"))["results"][0]["sequence"] == 1


def test_a_refused_event_is_named_by_its_place(acme: Client) -> None:
    refused = publish(acme, cloudevent("1", tenantid="other"), stream="acme:x")
    assert (refused["code"], refused["pointer"]) == ("forbidden", "/tenantid")


def test_live_events_of_others_do_not_arrive(acme: Client, everyone: Client) -> None:
    acme.send({"action": "subscribe", "id": "s"})
    publish(everyone, of("other"), of("acme"), cloudevent("3"))
    assert ids(acme.received()) == ["acme:w"]


def test_earlier_events_of_others_do_not_arrive(acme: Client, everyone: Client) -> None:
    publish(everyone, of("other"), of("acme"), cloudevent("3"))
    acme.send({"action": "subscribe", "id": "s", "from": "start"})
    assert ids(acme.received()) == ["acme:w"]


def test_a_cursor_of_somebody_elses_brings_nothing_of_theirs(acme: Client, everyone: Client) -> None:
    cursor = everyone.send({"action": "subscribe", "id": "s"})["cursor"]
    publish(everyone, of("other"), of("acme"))
    acme.send({"action": "subscribe", "id": "s", "cursor": cursor})
    assert ids(acme.received()) == ["acme:w"]


@pytest.mark.parametrize(
    "wanted",
    [
        [{"sql": "TRUE"}],
        [{"prefix": {"hubstream": "other:"}}],
        [{"any": [{"prefix": {"hubstream": "other:"}}, {"prefix": {"hubstream": "acme:"}}]}],
        [{"not": {"prefix": {"hubstream": "acme:"}}}],
        [{"exact": {"tenantid": "other"}}],
    ],
)
def test_no_filter_reaches_further(acme: Client, everyone: Client, wanted: list[object]) -> None:
    publish(everyone, of("other"), of("acme"))
    acme.send({"action": "subscribe", "id": "s", "from": "start", "filters": wanted})
    assert "other:w" not in ids(acme.received())


def test_a_subscription_to_others_streams_is_refused(acme: Client) -> None:
    refused = acme.send({"action": "subscribe", "id": "s", "stream": ["acme:w", "other:w"]})
    assert (refused["code"], refused["pointer"], refused["id"]) == ("forbidden", "/stream", "s")


def test_a_subscription_to_ones_own_streams_names_them(acme: Client, everyone: Client) -> None:
    acme.send({"action": "subscribe", "id": "s", "stream": "acme:w"})
    publish(everyone, of("acme"), of("other"))
    assert ids(acme.received()) == ["acme:w"]


def test_what_is_missing_of_others_is_not_told(acme: Client, everyone: Client) -> None:
    cursor = everyone.send({"action": "subscribe", "id": "s"})["cursor"]
    publish(everyone, of("other"), of("acme"))
    for stream in ("other:w", "acme:w"):
        Trusted(hub().publisher, hub().streams).delete(stream)
    told = missing([everyone.send({"action": "subscribe", "id": "t", "cursor": cursor})])
    assert sorted(told) == ["acme:w", "other:w"]
    assert missing([acme.send({"action": "subscribe", "id": "s", "cursor": cursor})]) == ["acme:w"]


def test_what_goes_missing_meanwhile_of_others_is_not_told(acme: Client, everyone: Client) -> None:
    publish(everyone, of("other"), of("acme"))
    everyone.received()
    for client in (everyone, acme):
        client.send({"action": "subscribe", "id": "s", "from": "start"})
    for stream in ("other:w", "acme:w"):
        Trusted(hub().publisher, hub().streams).delete(stream)
    posted = everyone.gateway.settle()
    assert sorted(missing(posted[everyone.connection])) == ["acme:w", "other:w"]
    assert missing(posted[acme.connection]) == ["acme:w"]


def made(name: str, *, filters: list[object] | None = None, streams: tuple[str, ...] = ()) -> str:
    durable = Durable(hub().new_id(), name, parse_filters(filters or []), streams)
    Trusted(hub().durable_subscriptions).create(durable, StartPosition(oldest=True))
    return name


def test_a_durable_subscription_of_ones_own_streams_is_joined(acme: Client, everyone: Client) -> None:
    made("w", filters=[{"prefix": {"hubstream": "acme:"}}])
    publish(everyone, of("other"), of("acme"))
    assert acme.send({"action": "subscribe", "id": "s", "subscription": "w"})["type"] == "subscribed"
    assert ids(acme.received()) == ["acme:w"]


@pytest.mark.parametrize(
    ("filters", "streams"),
    [([], ()), ([], ("acme:w", "other:w")), ([{"prefix": {"hubstream": "other:"}}], ()), ([{"sql": "TRUE"}], ())],
)
def test_a_durable_subscription_of_others_is_not_there(
    acme: Client, filters: list[object], streams: tuple[str, ...]
) -> None:
    made("w", filters=filters, streams=streams)
    refused = acme.send({"action": "subscribe", "id": "s", "subscription": "w"})
    absent = acme.send({"action": "subscribe", "id": "s", "subscription": "x"})
    assert refused["code"] == absent["code"] == "subscription-not-found"
    assert refused["detail"].replace("'w'", "'x'") == absent["detail"]


def test_the_one_that_was_found_in_reach_is_joined_and_none_that_has_its_name_by_then(
    acme: Client, everyone: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made("w", filters=[{"prefix": {"hubstream": "acme:"}}])
    kind = type(hub().durables)
    get = kind.get

    def replaced(self: Durables, name: str) -> Durable:
        found = get(self, name)
        monkeypatch.setattr(kind, "get", get)
        Trusted(hub().durable_subscriptions).delete(name)
        made(name)
        return found

    monkeypatch.setattr(kind, "get", replaced)
    acme.send({"action": "subscribe", "id": "s", "subscription": "w"})
    publish(everyone, of("other"))
    assert ids(acme.received()) == []


def test_what_a_durable_subscription_misses_of_others_is_not_told(acme: Client, everyone: Client) -> None:
    made("w", filters=[{"prefix": {"hubstream": "acme:"}}])
    publish(everyone, of("other"), of("acme"))
    everyone.received()
    for stream in ("other:w", "acme:w"):
        Trusted(hub().publisher, hub().streams).delete(stream)
    acme.send({"action": "subscribe", "id": "s", "subscription": "w"})
    assert missing(acme.received()) == ["acme:w"]


def test_bare_events_of_others_do_not_arrive(door: Door, everyone: Client) -> None:
    publish(everyone, of("other"), of("acme"))
    client, answer = door.connect(
        Scope.SUBSCRIBE, tenants=["acme"], query="from=start&type=*", protocols=["cloudevents.json"]
    )
    assert answer["statusCode"] == 200
    publish(everyone, of("other", "2"), of("acme", "2"))
    found = [event["hubstream"] for event in client.received() if "hubstream" in event]
    assert found == ["acme:w", "acme:w"]


def test_bare_events_of_others_streams_are_refused(door: Door) -> None:
    _, answer = door.connect(tenants=["acme"], query="stream=other:w", protocols=["cloudevents.json"])
    assert answer["statusCode"] == 403


def test_a_bare_event_for_others_is_refused(door: Door) -> None:
    client, _ = door.connect(tenants=["acme"], protocols=["cloudevents.json"])
    refused = client.send(json.dumps(of("other")))
    assert (refused["type"], refused["data"]["code"]) == ("io.flunq.hub.refused", "forbidden")
    assert client.send(json.dumps(of("acme")))["type"] == "io.flunq.hub.published"


def test_a_bare_event_needs_the_scope_to_publish(door: Door) -> None:
    client, _ = door.connect(Scope.SUBSCRIBE, protocols=["cloudevents.json"])
    assert client.send(json.dumps(of("acme")))["data"]["code"] == "forbidden"


@pytest.mark.parametrize("protocol", ["eventstore.v1", "cloudevents.json"])
def test_a_browsers_credential_is_the_authorizers_alone(door: Door, protocol: str) -> None:
    _, answer = door.connect(query="access_token=secret", protocols=["bearer.c2VjcmV0", protocol])
    assert answer == {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": protocol}}


def test_a_refused_connection_quotes_no_credential(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    _, answer = door.connect(query="access_token=secret&typo=1", protocols=["bearer.c2VjcmV0", "soap"])
    assert answer["statusCode"] == 400
    _, answer = door.connect(query="access_token=secret&typo=1", protocols=["Bearer.c2VjcmV0", "cloudevents.json"])
    assert answer["statusCode"] == 400
    assert not [part for part in ("secret", "c2VjcmV0") if part in caplog.text + answer["body"]]


def test_an_end_needs_no_access(everyone: Client) -> None:
    everyone.authorizer = None
    everyone.disconnect()


def test_where_no_authorizer_decides_everyone_may_do_everything(gateway: Gateway) -> None:
    client, answer = gateway.connect()
    assert answer == {"statusCode": 200}
    assert publish(client, of("acme"))["type"] == "published"
    event = client.event("message.json") | {"body": '{"action":"ping"}'}
    assert json.loads(handler(event, Context())["body"]) == {"type": "pong"}  # type: ignore[arg-type]
