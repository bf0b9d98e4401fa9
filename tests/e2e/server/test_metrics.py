"""`/metrics` counts what was done, over every door."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import grpc
import pytest
from redis import Redis

from eventstore_hosting.valkey import ValkeyServer
from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from functions.authorizer.keys import digest_of
from tests.e2e.backends import has_journal
from tests.e2e.dev.conftest import wait_until
from tests.e2e.live import Bare, Client, event, publish
from tests.e2e.servers import Instance, ServerHub
from tests.grpc_stubs import Stub
from tests.nats_server import NatsServer
from tests.scrapes import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.server.conftest import Start
    from tests.scrapes import Scrape

REST, WEBSOCKET, GRPC = (("door", door) for door in ("rest", "websocket", "grpc"))


@pytest.fixture(scope="module")
def hub(start: Start) -> Iterator[ServerHub]:
    with start() as hub:
        yield hub


def scraped(hub: ServerHub) -> Scrape:
    response = hub.call("GET", "/metrics")
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return parsed(response.data.decode())


class Moves:
    """How far the metrics of a hub have moved since this was made."""

    def __init__(self, hub: ServerHub) -> None:
        self._hub, self._before = hub, scraped(hub)

    def of(self, name: str, *labels: tuple[str, str]) -> float:
        """The difference of a value, now. A series that did not exist began at zero."""
        key = (name, *labels)
        return scraped(self._hub).get(key, 0) - self._before.get(key, 0)


def test_appends_are_counted_by_outcome(hub: ServerHub) -> None:
    moves = Moves(hub)
    publish(hub, event("a1", stream="appends"), event("a2", stream="appends"))
    publish(hub, event("a1", stream="appends"))
    assert (
        hub.call(
            "POST",
            "/api/v1/events",
            body=json.dumps(event("a1", stream="appends", data=1)).encode(),
            headers={"Content-Type": "application/cloudevents+json"},
        ).status
        == 409
    )
    assert moves.of("eventstore_appends_total", ("code", "stored"), REST) == 1
    assert moves.of("eventstore_appends_total", ("code", "duplicate"), REST) == 1
    assert moves.of("eventstore_appends_total", ("code", "event-conflict"), REST) == 1
    assert moves.of("eventstore_appended_events_total", REST) == 2
    assert moves.of("eventstore_append_seconds_count", REST) == 3


def test_reads_are_counted_with_their_events(hub: ServerHub) -> None:
    publish(hub, event("r1", stream="reads"), event("r2", stream="reads"))
    moves = Moves(hub)
    assert hub.call("GET", "/api/v1/streams/reads/events").status == 200
    assert hub.call("GET", "/api/v1/streams/unknown/events").status == 404
    assert moves.of("eventstore_reads_total", ("code", "ok"), REST, ("kind", "stream")) == 1
    assert moves.of("eventstore_reads_total", ("code", "stream-not-found"), REST, ("kind", "stream")) == 1
    assert moves.of("eventstore_read_events_total", REST) == 2


def test_requests_are_counted_by_the_template_of_their_path(hub: ServerHub) -> None:
    moves = Moves(hub)
    for path in ("/api/v1/streams/nothing-1", "/api/v1/streams/nothing-2", "/nothing/at/all"):
        assert hub.call("GET", path).status == 404
    get, not_found = ("method", "GET"), ("status", "404")
    assert moves.of("eventstore_http_requests_total", get, ("route", "/api/v1/streams/{stream}"), not_found) == 2
    assert moves.of("eventstore_http_requests_total", get, ("route", "other"), not_found) == 1
    assert moves.of("eventstore_http_request_seconds_count", get, ("route", "/api/v1/streams/{stream}")) == 2


def test_whatever_clients_send_adds_no_series(hub: ServerHub) -> None:
    hub.call("GET", "/api/v1/streams/x")
    hub.call("BREW", "/coffee")
    # The first request for the metrics adds series, too.
    scraped(hub)
    before = scraped(hub).keys()
    for number in range(50):
        hub.call("GET", f"/api/v1/streams/x-{number}")
        hub.call("BREW", f"/coffee/{number}")
    added = scraped(hub).keys() - before
    # Gauges of partitions are sampled every few seconds, and turns are taken, whatever clients send.
    caused = [series for series in added if not series[0].startswith("eventstore_turn")]
    assert len([series for series in caused if all(label[0] != "partition" for label in series[1:])]) < 10


def test_frames_connections_and_subscriptions_of_websocket_are_counted(hub: ServerHub) -> None:
    moves = Moves(hub)
    protocol = ("protocol", "eventstore.v1")
    with Client(hub) as client:
        client.subscribe(stream=["frames"])
        publish(hub, *(event(f"f{number}", stream="frames") for number in range(3)))
        client.until_events(3)
        assert moves.of("eventstore_connections", WEBSOCKET, protocol) == 1
        assert moves.of("eventstore_subscriptions", WEBSOCKET, protocol) == 1
        assert moves.of("eventstore_websocket_messages_total", protocol) == 1
        assert moves.of("eventstore_connections_opened_total", WEBSOCKET) == 1
        frames = moves.of("eventstore_frames_total", WEBSOCKET, ("kind", "events"))
        assert 1 <= frames <= 3
        assert moves.of("eventstore_frames_total", WEBSOCKET, ("kind", "live")) >= 1
        assert moves.of("eventstore_frame_bytes_total", WEBSOCKET) > 300
        # The loop counts what was sent after it has written the frames.
        wait_until(lambda: moves.of("eventstore_publish_to_send_seconds_count") == 1, what="the measured publish")
        assert 0 < moves.of("eventstore_publish_to_send_seconds_sum") < 60
        assert moves.of("eventstore_turns_total", ("kind", "live")) >= 1
    wait_until(lambda: moves.of("eventstore_connections", WEBSOCKET, protocol) == 0, what="the end")
    assert moves.of("eventstore_subscriptions", WEBSOCKET, protocol) == 0


def test_ends_of_connections_are_counted_by_reason(hub: ServerHub) -> None:
    moves = Moves(hub)
    client = Client(hub)
    client.socket.close()
    with Client(hub):
        pass
    with Bare(hub, ("stream", "closing")) as bare:
        connection = hub.call("GET", "/api/v1/connections").json()["connections"][0]["id"]
        assert hub.call("DELETE", f"/api/v1/connections/{connection}").status in {202, 204}
        bare.word("closed")
    for reason in ("closed", "lost", "operator"):
        key = ("reason", reason)
        wait_until(lambda key=key: moves.of("eventstore_disconnects_total", WEBSOCKET, key) == 1, what=reason)


def test_calls_and_frames_of_grpc_are_counted(hub: ServerHub) -> None:
    moves = Moves(hub)
    with grpc.insecure_channel(hub.instance.grpc) as channel:
        service = messages.DESCRIPTOR.services_by_name["EventStoreService"]
        frames = Stub(channel, service).Subscribe(messages.SubscribeRequest(streams=["grpc"]), timeout=60)
        assert next(frames).HasField("subscribed")
        publish(hub, event("g1", stream="grpc"))
        seen: Counter[str] = Counter()
        while not seen["events"]:
            seen[str(next(frames).WhichOneof("content"))] += 1
        assert moves.of("eventstore_connections", GRPC, ("protocol", "grpc")) == 1
        assert moves.of("eventstore_frames_total", GRPC, ("kind", "events")) == 1
        assert moves.of("eventstore_frame_bytes_total", GRPC) > 100
        frames.cancel()
        call = ("method", "flunq.eventstore.v1.EventStoreService/Subscribe")
        wait_until(lambda: moves.of("eventstore_grpc_calls_total", ("code", "CANCELLED"), call) == 1, what="the end")
        assert moves.of("eventstore_disconnects_total", GRPC, ("reason", "closed")) == 1


def test_partitions_instances_and_the_store_are_reported(hub: ServerHub) -> None:
    values = scraped(hub)
    assert values["eventstore_partitions_owned",] == 16
    assert values["eventstore_instances_alive",] == 1
    assert values["eventstore_ready",] == 1
    assert values["process_resident_memory_bytes",] > 10_000_000
    assert [key for key in values if key[0] == "eventstore_info"]
    wait_until(lambda: scraped(hub).get(("eventstore_dispatch_lag_events", ("partition", "3"))) == 0, what="a sample")


def test_partitions_whose_index_diverged_are_counted_with_a_journal_alone(hub: ServerHub) -> None:
    name = ("eventstore_partitions_diverged",)
    with NatsServer.started() as nats, ValkeyServer.start() as valkey:
        instance = Instance.start(
            valkey.url, environment={"BACKEND": "nats", "NATS_URL": nats.url, "JOURNAL": "metrics"}
        )
        try:
            journaled = ServerHub.of(instance, valkey)
            wait_until(lambda: scraped(journaled).get(name) == 0, what="a sample")
            with Redis.from_url(valkey.url) as redis:
                redis.hset("{p3}:partition", "diverged", "as a test says")
            wait_until(lambda: scraped(journaled).get(name) == 1, what="another sample")
        finally:
            instance.kill()
            instance.errors.unlink(missing_ok=True)
    assert has_journal() or name not in scraped(hub)


def test_other_methods_are_refused(hub: ServerHub) -> None:
    assert hub.call("POST", "/metrics").status == 405


def test_a_scrape_requires_admin_for_all_streams_where_callers_need_a_credential(start: Start, tmp_path: Path) -> None:
    keys = {
        "all": {"scopes": ["admin"]},
        "some": {"scopes": ["admin"], "streams": ["a"]},
        "reader": {"scopes": ["read"]},
    }
    document = tmp_path / "keys.json"
    entries = [{"id": name, "sha256": digest_of(f"key-{name}"), **limits} for name, limits in keys.items()]
    document.write_text(json.dumps({"keys": entries}))
    with start({"AUTH": "key", "API_KEYS_FILE": str(document)}) as hub:
        statuses = {
            name: hub.call("GET", "/metrics", headers={"Authorization": f"Bearer key-{name}"}).status
            for name in (*keys, "unknown")
        }
        assert statuses == {"all": 200, "some": 403, "reader": 403, "unknown": 401}
        refused = hub.call("GET", "/metrics")
        assert (refused.status, refused.json()["code"]) == (401, "unauthorized")
        assert hub.call("GET", "/health/ready").status == 200
