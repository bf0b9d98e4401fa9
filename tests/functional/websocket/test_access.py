"""Clients may connect, subscribe, join and publish only as their credential grants."""

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


class AuthorizedGateway:
    """Opens connections with an access, like the gateway: every event carries the context of the authorizer."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    def connect(
        self, *scopes: Scope, tenants: Sequence[str] = (), query: str = "", protocols: Sequence[str] = ()
    ) -> tuple[Client, dict[str, Any]]:
        access = Access.of("someone", scopes or Scope, tenants=tenants)
        authorizer = {"principalId": "someone", "integrationLatency": 7, **access.encoded()}
        return self.gateway.connect(query=query, protocols=protocols, authorizer=authorizer)

    def opened(self, *scopes: Scope, tenants: Sequence[str] = ()) -> Client:
        client, answer = self.connect(*scopes, tenants=tenants)
        assert answer == {"statusCode": 200}
        return client


@pytest.fixture
def authorized(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> AuthorizedGateway:
    monkeypatch.setenv("AUTH", "jwt")
    reread()
    return AuthorizedGateway(gateway)


@pytest.fixture
def everyone(authorized: AuthorizedGateway) -> Client:
    return authorized.opened()


@pytest.fixture
def acme(authorized: AuthorizedGateway) -> Client:
    return authorized.opened(tenants=["acme"])


def publish(client: Client, *events: dict[str, object], **members: object) -> dict[str, Any]:
    return client.send({"action": "publish", "events": list(events), **members})


def of(tenant: str, event_id: str = "1") -> dict[str, object]:
    return cloudevent(event_id, tenantid=tenant, workflowid="w")


def ids(messages: Sequence[dict[str, Any]]) -> list[str]:
    return [
        event["hubstream"] for message in messages if message.get("type") == "events" for event in message["events"]
    ]


def missing(messages: Sequence[dict[str, Any]]) -> list[str]:
    return [gap["stream"] for message in messages for gap in message.get("missing", ())]


@pytest.mark.parametrize("scope", [Scope.PUBLISH, Scope.SUBSCRIBE])
def test_the_publish_or_subscribe_scope_allows_connecting(authorized: AuthorizedGateway, scope: Scope) -> None:
    assert authorized.connect(scope)[1] == {"statusCode": 200}


@pytest.mark.parametrize("scope", [Scope.READ, Scope.ADMIN])
def test_other_scopes_do_not_allow_connecting(authorized: AuthorizedGateway, scope: Scope) -> None:
    assert authorized.connect(scope)[1]["statusCode"] == 403


def test_without_the_subscribe_scope_no_bare_connection_is_opened(authorized: AuthorizedGateway) -> None:
    assert authorized.connect(Scope.PUBLISH, protocols=["cloudevents.json"])[1]["statusCode"] == 403


def test_a_connection_without_an_authorizer_context_is_refused(authorized: AuthorizedGateway) -> None:
    assert authorized.gateway.connect()[1]["statusCode"] == 403


def test_a_message_without_an_authorizer_context_is_refused(everyone: Client) -> None:
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
def test_subscription_actions_need_the_subscribe_scope(authorized: AuthorizedGateway, message: dict[str, Any]) -> None:
    refused = authorized.opened(Scope.PUBLISH).send({**message, "request": "r"})
    assert (refused["code"], refused["id"], refused["request"]) == ("forbidden", "s", "r")
    assert "the scope subscribe" in refused["detail"]


def test_publishing_needs_its_scope(authorized: AuthorizedGateway) -> None:
    refused = publish(authorized.opened(Scope.SUBSCRIBE), cloudevent("1"))
    assert (refused["type"], refused["code"]) == ("error", "forbidden")


def test_a_ping_needs_nothing(authorized: AuthorizedGateway) -> None:
    assert authorized.opened(Scope.PUBLISH).send({"action": "ping"}) == {"type": "pong"}


def test_events_are_published_to_ones_own_streams(acme: Client) -> None:
    assert publish(acme, of("acme"))["type"] == "published"
    assert publish(acme, cloudevent("2"), stream="acme:x")["type"] == "published"


@pytest.mark.parametrize("members", [{}, {"stream": "other:x"}])
def test_a_publish_to_others_is_refused_and_stores_nothing(
    acme: Client, everyone: Client, members: dict[str, str]
) -> None:
    assert publish(acme, of("acme"), cloudevent("2"), **members)["code"] == "forbidden"
    assert publish(everyone, of("acme"))["results"][0]["sequence"] == 1


def test_a_refused_event_is_reported_by_its_index(acme: Client) -> None:
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


def test_a_cursor_of_another_client_does_not_extend_the_access(acme: Client, everyone: Client) -> None:
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
def test_no_filter_extends_the_access(acme: Client, everyone: Client, wanted: list[object]) -> None:
    publish(everyone, of("other"), of("acme"))
    acme.send({"action": "subscribe", "id": "s", "from": "start", "filters": wanted})
    assert "other:w" not in ids(acme.received())


def test_a_subscription_to_streams_of_others_is_refused(acme: Client) -> None:
    refused = acme.send({"action": "subscribe", "id": "s", "stream": ["acme:w", "other:w"]})
    assert (refused["code"], refused["pointer"], refused["id"]) == ("forbidden", "/stream", "s")


def test_a_subscription_to_streams_in_reach_is_accepted(acme: Client, everyone: Client) -> None:
    acme.send({"action": "subscribe", "id": "s", "stream": "acme:w"})
    publish(everyone, of("acme"), of("other"))
    assert ids(acme.received()) == ["acme:w"]


def test_losses_of_others_are_not_reported_on_subscribing(acme: Client, everyone: Client) -> None:
    cursor = everyone.send({"action": "subscribe", "id": "s"})["cursor"]
    publish(everyone, of("other"), of("acme"))
    for stream in ("other:w", "acme:w"):
        Trusted(hub().publisher, hub().streams).delete(stream)
    streams = missing([everyone.send({"action": "subscribe", "id": "t", "cursor": cursor})])
    assert sorted(streams) == ["acme:w", "other:w"]
    assert missing([acme.send({"action": "subscribe", "id": "s", "cursor": cursor})]) == ["acme:w"]


def test_losses_of_others_are_not_reported_to_a_subscriber(acme: Client, everyone: Client) -> None:
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


def test_a_durable_subscription_within_reach_can_be_joined(acme: Client, everyone: Client) -> None:
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


def test_a_subscription_replaced_while_joining_is_not_joined(
    acme: Client, everyone: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made("w", filters=[{"prefix": {"hubstream": "acme:"}}])
    kind = type(hub().durables)
    get = kind.get

    def replaced(self: Durables, name: str) -> Durable:
        durable = get(self, name)
        monkeypatch.setattr(kind, "get", get)
        Trusted(hub().durable_subscriptions).delete(name)
        made(name)
        return durable

    monkeypatch.setattr(kind, "get", replaced)
    acme.send({"action": "subscribe", "id": "s", "subscription": "w"})
    publish(everyone, of("other"))
    assert ids(acme.received()) == []


def test_losses_of_others_are_not_reported_to_a_member(acme: Client, everyone: Client) -> None:
    made("w", filters=[{"prefix": {"hubstream": "acme:"}}])
    publish(everyone, of("other"), of("acme"))
    everyone.received()
    for stream in ("other:w", "acme:w"):
        Trusted(hub().publisher, hub().streams).delete(stream)
    acme.send({"action": "subscribe", "id": "s", "subscription": "w"})
    assert missing(acme.received()) == ["acme:w"]


def test_bare_events_of_others_do_not_arrive(authorized: AuthorizedGateway, everyone: Client) -> None:
    publish(everyone, of("other"), of("acme"))
    client, answer = authorized.connect(
        Scope.SUBSCRIBE, tenants=["acme"], query="from=start&type=*", protocols=["cloudevents.json"]
    )
    assert answer["statusCode"] == 200
    publish(everyone, of("other", "2"), of("acme", "2"))
    streams = [event["hubstream"] for event in client.received() if "hubstream" in event]
    assert streams == ["acme:w", "acme:w"]


def test_a_bare_connection_to_streams_of_others_is_refused(authorized: AuthorizedGateway) -> None:
    _, answer = authorized.connect(tenants=["acme"], query="stream=other:w", protocols=["cloudevents.json"])
    assert answer["statusCode"] == 403


def test_a_bare_event_for_others_is_refused(authorized: AuthorizedGateway) -> None:
    client, _ = authorized.connect(tenants=["acme"], protocols=["cloudevents.json"])
    refused = client.send(json.dumps(of("other")))
    assert (refused["type"], refused["data"]["code"]) == ("io.flunq.hub.refused", "forbidden")
    assert client.send(json.dumps(of("acme")))["type"] == "io.flunq.hub.published"


def test_a_bare_event_needs_the_scope_to_publish(authorized: AuthorizedGateway) -> None:
    client, _ = authorized.connect(Scope.SUBSCRIBE, protocols=["cloudevents.json"])
    assert client.send(json.dumps(of("acme")))["data"]["code"] == "forbidden"


@pytest.mark.parametrize("protocol", ["eventstore.v1", "cloudevents.json"])
def test_the_credential_of_a_browser_is_ignored_by_the_handler(authorized: AuthorizedGateway, protocol: str) -> None:
    _, answer = authorized.connect(query="access_token=secret", protocols=["bearer.c2VjcmV0", protocol])
    assert answer == {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": protocol}}


def test_a_refused_connection_quotes_no_credential(
    authorized: AuthorizedGateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    _, answer = authorized.connect(query="access_token=secret&typo=1", protocols=["bearer.c2VjcmV0", "soap"])
    assert answer["statusCode"] == 400
    _, answer = authorized.connect(
        query="access_token=secret&typo=1", protocols=["Bearer.c2VjcmV0", "cloudevents.json"]
    )
    assert answer["statusCode"] == 400
    assert not [part for part in ("secret", "c2VjcmV0") if part in caplog.text + answer["body"]]


def test_disconnecting_needs_no_access(everyone: Client) -> None:
    everyone.authorizer = None
    everyone.disconnect()


def test_without_an_authorizer_every_client_has_full_access(gateway: Gateway) -> None:
    client, answer = gateway.connect()
    assert answer == {"statusCode": 200}
    assert publish(client, of("acme"))["type"] == "published"
    event = client.event("message.json") | {"body": '{"action":"ping"}'}
    assert json.loads(handler(event, Context())["body"]) == {"type": "pong"}  # type: ignore[arg-type]
