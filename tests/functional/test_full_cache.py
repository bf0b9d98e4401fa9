"""Every route, action and function on a store that is full, each in a process that starts cold on a server that knows
none of the scripts: what removes, reads or delivers goes on, and what is new is refused as `store-full`.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis

from eventstore.hub.hub import Hub
from eventstore_hosting.valkey import ValkeyServer
from functions.hub import hub
from functions.rest.openapi import document
from functions.websocket.actions import _ACTIONS
from tests.fakes.letters import FakeLetters
from tests.fakes.queues import FakeDeliveries, FakeDispatchQueue
from tests.fresh import forget
from tests.functional import cold
from tests.functional.rest.api import Api, cloudevent, proxied
from tests.functional.rest.workers import Workers, create
from tests.functional.websocket.clients import Client, Gateway, wakeup_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_APPS = Path(__file__).parents[2] / "functions"
_JSON = {"Content-Type": "application/json"}
_WITHOUT_STORE = {"deliver", "push", "authorizer", "console"}
"""Functions that use no cache (tests/functional/test_cold_starts.py)."""


@dataclass(frozen=True)
class Call:
    """A call over REST, and its expected answer when the store is full."""

    route: str
    path: str
    status: int
    body: object = None
    headers: tuple[tuple[str, str], ...] = ()
    has: str = ""

    @property
    def event(self) -> dict[str, Any]:
        body = None if self.body is None else json.dumps(self.body).encode()
        return proxied(self.route.partition(" ")[0], self.path, body=body, headers={**_JSON, **dict(self.headers)})


_EVENT = (("Content-Type", "application/cloudevents+json"),)
_FULL = '"code":"store-full"'
_CALLS = (
    Call("GET /health", "/health", 200),
    Call("GET /api/v1/health", "/api/v1/health", 200),
    Call("GET /api/v1/openapi.json", "/api/v1/openapi.json", 200),
    Call("GET /api/v1/asyncapi.json", "/api/v1/asyncapi.json", 200),
    Call("GET /api/v1/docs", "/api/v1/docs", 200),
    Call("GET /api/v1/eventstore.js", "/api/v1/eventstore.js", 200, has="class EventStore"),
    Call("GET /api/v1/handshake", "/api/v1/handshake?stream=kept&from=start", 204),
    Call("GET /api/v1/stats", "/api/v1/stats", 200, has='"streams":4'),
    Call("POST /api/v1/epoch", "/api/v1/epoch", 200),
    Call("GET /api/v1/events", "/api/v1/events?limit=1", 200, has='"next"'),
    Call("GET /api/v1/events", "/api/v1/events?stream=kept&stream=few", 200, has='"k1"'),
    Call("GET /api/v1/events", "/api/v1/events?order=desc", 200, has='"k1"'),
    Call("GET /api/v1/events/{id}", "/api/v1/events/k2", 200, has='"k2"'),
    Call("GET /api/v1/events/{id}", "/api/v1/events/k2?source=/engine&stream=kept", 200, has='"k2"'),
    Call("POST /api/v1/events", "/api/v1/events?stream=kept", 503, cloudevent("new"), _EVENT, _FULL),
    Call("POST /api/v1/events", "/api/v1/events?stream=new", 503, cloudevent("new"), _EVENT, _FULL),
    Call("POST /api/v1/events", "/api/v1/events?stream=kept", 200, cloudevent("k1"), _EVENT, '"duplicate":true'),
    Call("GET /api/v1/streams", "/api/v1/streams", 200, has='"kept"'),
    Call("GET /api/v1/streams/{stream}", "/api/v1/streams/kept", 200, has='"head":3'),
    Call("GET /api/v1/streams/{stream}/events", "/api/v1/streams/kept/events?limit=1", 200, has='"k1"'),
    Call("GET /api/v1/streams/{stream}/events", "/api/v1/streams/kept/events?direction=backwards", 200, has='"k3"'),
    Call("POST /api/v1/streams", "/api/v1/streams", 503, {"id": "new"}, has=_FULL),
    Call("POST /api/v1/streams", "/api/v1/streams", 200, {"id": "few", "retention": {"max_events": 1}}),
    Call("POST /api/v1/streams/{stream}/fork", "/api/v1/streams/kept/fork", 503, {"to": "kept~fork"}, has=_FULL),
    Call("PATCH /api/v1/streams/{stream}", "/api/v1/streams/kept", 200, {"retention": {"max_events": 2}}),
    Call("DELETE /api/v1/streams/{stream}", "/api/v1/streams/kept", 204),
    Call("DELETE /api/v1/streams/{stream}", "/api/v1/streams/kept?permanent=true", 204),
    Call("GET /api/v1/subscriptions", "/api/v1/subscriptions", 200, has='"workers"'),
    Call("GET /api/v1/subscriptions/{subscription}", "/api/v1/subscriptions/workers", 200, has='"parked":1'),
    Call("POST /api/v1/subscriptions", "/api/v1/subscriptions", 503, {"id": "new"}, has=_FULL),
    Call("POST /api/v1/subscriptions", "/api/v1/subscriptions", 200, {"id": "workers"}),
    Call("PATCH /api/v1/subscriptions/{subscription}", "/api/v1/subscriptions/workers", 200, {"max_attempts": 9}),
    Call("DELETE /api/v1/subscriptions/{subscription}", "/api/v1/subscriptions/workers", 204),
    Call(
        "POST /api/v1/subscriptions/{subscription}/replay",
        "/api/v1/subscriptions/workers/replay",
        202,
        {"from": "start"},
    ),
    Call("GET /api/v1/filters", "/api/v1/filters", 200, has='"failures"'),
    Call("GET /api/v1/filters/{filter}", "/api/v1/filters/failures", 200, has='"version":1'),
    Call("PUT /api/v1/filters/{filter}", "/api/v1/filters/new", 503, {"filters": []}, has=_FULL),
    Call(
        "PUT /api/v1/filters/{filter}",
        "/api/v1/filters/failures",
        200,
        {"filters": [{"exact": {"type": "t"}}]},
        has='"version":2',
    ),
    Call("DELETE /api/v1/filters/{filter}", "/api/v1/filters/unused", 204),
    Call(
        "PATCH /api/v1/subscriptions/{subscription}",
        "/api/v1/subscriptions/workers",
        200,
        {"filter_name": "unused"},
        has='"unused"',
    ),
    Call("GET /api/v1/schemas", "/api/v1/schemas", 200, has='"order.placed"'),
    Call("GET /api/v1/schemas/{type}", "/api/v1/schemas/order.placed", 200, has='"version":1'),
    Call("PUT /api/v1/schemas/{type}", "/api/v1/schemas/order.paid", 503, {"schema": {}}, has=_FULL),
    Call("PUT /api/v1/schemas/{type}", "/api/v1/schemas/order.placed", 200, {"schema": {}}, has='"version":2'),
    Call("DELETE /api/v1/schemas/{type}", "/api/v1/schemas/order.placed", 204),
    Call("GET /api/v1/connections", "/api/v1/connections", 200, has='"subscription":"workers"'),
    Call("DELETE /api/v1/connections/{connection}", "/api/v1/connections/CLIENT", 204),
    Call("GET /api/v1/dead-letters", "/api/v1/dead-letters", 200, has='"bad"'),
    Call("GET /api/v1/dead-letters", "/api/v1/dead-letters?subscription=workers&stream=bad", 200, has='"event"'),
    Call("DELETE /api/v1/dead-letters", "/api/v1/dead-letters?subscription=workers", 202, has='"bad"'),
    Call(
        "POST /api/v1/dead-letters/redrive",
        "/api/v1/dead-letters/redrive",
        202,
        {"subscription": "workers", "how": "start"},
    ),
)
_MESSAGES: tuple[tuple[dict[str, object], str], ...] = (
    ({"action": "ping"}, "pong"),
    ({"action": "subscribe", "id": "new"}, "subscribed"),
    ({"action": "subscribe", "id": "new", "from": "start", "stream": "kept"}, "subscribed"),
    ({"action": "subscribe", "id": "new", "subscription": "workers"}, "subscribed"),
    ({"action": "unsubscribe", "id": "live"}, "unsubscribed"),
    ({"action": "unsubscribe", "id": "w"}, "unsubscribed"),
    ({"action": "ack", "id": "w", "stream": "kept", "sequence": 3}, "acknowledged"),
    ({"action": "nack", "id": "w", "stream": "kept", "sequence": 1, "reason": "no"}, "acknowledged"),
    ({"action": "release", "id": "w", "partition": 0}, "released"),
    ({"action": "publish", "stream": "kept", "events": [cloudevent("k1")]}, "published"),
    ({"action": "publish", "stream": "kept", "events": [cloudevent("new")]}, "store-full"),
)


@dataclass(frozen=True)
class Full:
    """A full store; `client` is connected, subscribed as `live`, and a member of `workers` as `w`."""

    environment: Mapping[str, str]
    client: Client
    operator: Redis

    def call(self, function: str, event: Mapping[str, Any]) -> cold.Called:
        # After a failover, too, the server has no scripts.
        self.operator.script_flush()
        return cold.call(function, event, self.environment)

    def room(self) -> None:
        self.operator.config_set("maxmemory", "0")


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    with ValkeyServer.start() as server:
        yield server


@pytest.fixture
def full(server: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Full]:
    """A store with the streams `kept`, `few` (retention of one event), `bad` (parked for `workers`) and `other`."""
    environment = {"REDIS_URL": server.url, "PARTITIONS": "4"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    forget()
    dispatch_queue, deliveries, letters = FakeDispatchQueue(), FakeDeliveries(), FakeLetters()
    for name, instead in {"dispatch_queue": dispatch_queue, "deliveries": deliveries, "letters": letters}.items():
        monkeypatch.setattr(Hub, name, instead)
    with Redis.from_url(server.url) as operator:
        operator.flushall()
        api = Api()
        workers = Workers(api)
        for name in ("failures", "unused"):
            put = proxied("PUT", f"/api/v1/filters/{name}", body=b'{"filters":[]}', headers=_JSON)
            assert api.invoke(put).status == 201
        schema = proxied("PUT", "/api/v1/schemas/order.placed", body=b'{"schema":{"type":"object"}}', headers=_JSON)
        assert api.invoke(schema).status == 201
        assert create(api).status == 201
        assert api.create(id="few", retention={"max_events": 1}).status == 201
        gateway = Gateway(dispatch_queue, deliveries)
        client, _ = gateway.connect()
        assert client.send({"action": "subscribe", "id": "w", "subscription": "workers"})["type"] == "subscribed"
        assert client.send({"action": "subscribe", "id": "live"})["type"] == "subscribed"
        gateway.settle()
        workers.publish("bad", "b1", "b2")
        workers.park("bad", 1, connection=client.connection)
        workers.publish("kept", "k1", "k2", "k3")
        workers.publish("few", "f1", "f2", "f3")
        workers.publish("other", "o1")
        operator.config_set("maxmemory", "1")
        yield Full(environment, client, operator)
        operator.config_set("maxmemory", "0")
    hub().log._client.close()  # type: ignore[attr-defined]
    forget()


@pytest.mark.parametrize("call", _CALLS, ids=lambda call: f"{call.route} {call.status}")
def test_a_call_over_rest_is_answered(full: Full, call: Call) -> None:
    event = call.event
    # Each client has an id of its own.
    event["path"] = event["path"].replace("CLIENT", full.client.connection)
    answer = full.call("rest", event).answer
    assert answer["statusCode"] == call.status, answer["body"]
    assert call.has in answer["body"]


@pytest.mark.parametrize(("message", "answered"), _MESSAGES, ids=lambda parameter: str(parameter)[:60])
def test_a_message_is_answered(full: Full, message: dict[str, object], answered: str) -> None:
    event = full.client.message(message)
    answer = json.loads(full.call("websocket", event).answer["body"])
    assert answered in (answer["type"], answer.get("code")), answer


@pytest.mark.parametrize("protocols", [[], ["cloudevents.json"]])
def test_a_client_connects(full: Full, protocols: list[str]) -> None:
    event = copy.deepcopy(full.client.event("connect.json"))
    event["requestContext"]["connectionId"] = "another="
    if protocols:
        event["multiValueHeaders"]["Sec-WebSocket-Protocol"] = protocols
    assert full.call("websocket", event).answer["statusCode"] == 200


def test_a_client_leaves(full: Full) -> None:
    assert full.call("websocket", full.client.event("disconnect.json")).answer == {"statusCode": 200}
    assert hub().registry.connection(full.client.connection) is None


def test_events_of_a_full_store_are_dispatched(full: Full) -> None:
    subscribed = full.client.message({"action": "subscribe", "id": "late", "stream": "other", "from": "start"})
    [partition] = set(full.call("websocket", subscribed).requested_turns)
    called = full.call("dispatch", {"Records": [wakeup_record(0, {"partition": partition})]})
    assert called.answer == {"batchItemFailures": []}
    assert any('"o1"' in message for message in called.posted)


def test_a_redriven_stream_is_dispatched(full: Full) -> None:
    asked = full.call("rest", _CALLS[-1].event)
    called = full.call(
        "dispatch", {"Records": [wakeup_record(n, {"partition": p}) for n, p in enumerate(asked.requested_turns)]}
    )
    assert called.answer == {"batchItemFailures": []}
    assert any('"b1"' in message for message in called.posted)


def test_disconnected_members_are_removed_and_deletions_are_sent(full: Full) -> None:
    ended = {"ended": full.client.connection, "id": "w", "subscription": "workers"}
    gone = {"gone": full.client.connection}
    closed = {**gone, "close": "eventstore.v1", "opened": 0}
    for message in (ended, gone, closed, {"alarm": 0}):
        assert full.call("dispatch", {"Records": [wakeup_record(0, message)]}).answer == {"batchItemFailures": []}


def test_the_sweep_makes_room(full: Full) -> None:
    assert full.call("sweep", {}).answer["removed"] == 2
    assert hub().log.describe("few").first == 3


def test_a_full_store_is_archived(full: Full, tmp_path: Path) -> None:
    full = replace(full, environment={**full.environment, "ARCHIVE_URL": tmp_path.as_uri()})
    # Its events are too new for a segment; what finds that out runs nevertheless.
    counts = full.call("archive", {}).answer
    assert counts == {"segments": 0, "events": 0, "merged": 0, "deleted": 0, "cooled": 0, "diverged": 0}


def test_a_refused_publish_is_accepted_once_there_is_room(full: Full) -> None:
    refused = next(call for call in _CALLS if call.status == 503)
    full.room()
    assert full.call("rest", refused.event).answer["statusCode"] == 201


def test_no_route_action_or_function_is_left_out() -> None:
    paths = document(server="/")["paths"]
    # HEAD takes the path of GET.
    routes = {f"{method.upper()} {path}" for path, item in paths.items() for method in item if method != "head"}
    assert {call.route for call in _CALLS} == routes
    assert {str(message["action"]) for message, _ in _MESSAGES} == set(_ACTIONS)
    # Tests above call each of the other functions.
    assert {app.parent.name for app in _APPS.glob("*/app.py")} - _WITHOUT_STORE == set(cold.FUNCTIONS)
