"""Traces are exported by OTLP over HTTP, and continue those of clients."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import grpc
import pytest

from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from tests.e2e.dev.conftest import wait_until
from tests.e2e.live import Bare, Client, event
from tests.grpc_stubs import Stub

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra otel is not installed")
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from tests.e2e.server.conftest import Start
    from tests.e2e.servers import ServerHub

CALLER, CALLER_SPAN = "11" * 16, "22" * 8
WORKFLOW, WORKFLOW_SPAN = "33" * 16, "44" * 8
TRACEPARENT = f"00-{CALLER}-{CALLER_SPAN}-01"
OF_EVENT = f"00-{WORKFLOW}-{WORKFLOW_SPAN}-01"


class Collector:
    """Receives what is exported."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                collector.requests.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def spans(self) -> list[Span]:
        exported = [ExportTraceServiceRequest.FromString(body) for body in self.requests]
        return [
            span
            for request in exported
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def find(self, name: str, **of: object) -> Span:
        """Wait for a span with a name, and with these attributes or members; return the newest."""

        def found() -> list[Span]:
            return [
                span
                for span in self.spans()
                if span.name == name and all(getattr(span, key).hex() == value for key, value in of.items())
            ]

        wait_until(found, what=f"span {name!r}")
        return found()[-1]


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    collector = Collector()
    thread = threading.Thread(target=collector.server.serve_forever)
    thread.start()
    yield collector
    collector.server.shutdown()
    thread.join()
    collector.server.server_close()


@pytest.fixture(scope="module")
def hub(start: Start, collector: Collector) -> Iterator[ServerHub]:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    with start(variables) as hub:
        yield hub


def attributes_of(span: Span) -> dict[str, str | int]:
    return {
        each.key: each.value.int_value if each.value.HasField("int_value") else each.value.string_value
        for each in span.attributes
    }


def test_a_request_continues_the_trace_of_its_caller_and_links_that_of_the_event(
    hub: ServerHub, collector: Collector
) -> None:
    response = hub.call(
        "POST",
        "/api/v1/events?stream=traced&access_token=secret",
        body=json.dumps(event("t1", traceparent=OF_EVENT, data="secret")).encode(),
        headers={"Content-Type": "application/cloudevents+json", "Traceparent": TRACEPARENT, "X-Api-Key": "secret"},
    )
    assert response.status == 422, "access_token is no parameter"
    request = collector.find("POST /api/v1/events")
    assert attributes_of(request)["http.response.status_code"] == 422

    response = hub.call(
        "POST",
        "/api/v1/events?stream=traced",
        body=json.dumps(event("t1", traceparent=OF_EVENT, data="secret")).encode(),
        headers={"Content-Type": "application/cloudevents+json", "Traceparent": TRACEPARENT, "X-Api-Key": "secret"},
    )
    assert response.status == 201
    append = collector.find("append")
    request = collector.find("POST /api/v1/events", span_id=append.parent_span_id.hex())
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (CALLER, CALLER_SPAN)
    assert append.trace_id.hex() == CALLER
    assert [(link.trace_id.hex(), link.span_id.hex()) for link in append.links] == [(WORKFLOW, WORKFLOW_SPAN)]
    assert attributes_of(request)["http.response.status_code"] == 201
    assert attributes_of(request)["eventstore.request_id"] == response.headers["X-Request-Id"]
    assert attributes_of(append)["eventstore.events"] == 1
    assert not any(b"secret" in body for body in collector.requests)


def test_a_request_with_an_invalid_traceparent_begins_a_trace(hub: ServerHub, collector: Collector) -> None:
    assert hub.call("GET", "/api/v1/streams/traced", headers={"Traceparent": "00-0-0-01"}).status in {200, 404}
    request = collector.find("GET /api/v1/streams/{stream}")
    assert not request.parent_span_id


def test_a_message_over_websocket_is_traced_with_its_append(hub: ServerHub, collector: Collector) -> None:
    with Bare(hub) as bare:
        bare.socket.send(json.dumps(event("w1", traceparent=OF_EVENT)))
        bare.word("published")
        append = collector.find("append", parent_span_id=_message_of(collector).span_id.hex())
    assert [link.trace_id.hex() for link in append.links] == [WORKFLOW]


def _message_of(collector: Collector) -> Span:
    return collector.find("websocket message")


def test_a_call_of_grpc_continues_the_trace_of_its_metadata(hub: ServerHub, collector: Collector) -> None:
    name = "flunq.eventstore.v1.EventStoreService/Get"
    with grpc.insecure_channel(hub.instance.grpc) as channel, pytest.raises(grpc.RpcError):
        Stub(channel, messages.DESCRIPTOR.services_by_name["EventStoreService"]).Get(
            messages.GetRequest(key=messages.EventKey(id="unknown")),
            metadata=[("traceparent", TRACEPARENT)],
            timeout=60,
        )
    span = collector.find(name)
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (CALLER, CALLER_SPAN)
    assert attributes_of(span)["error.type"] == "event-not-found"


def test_turns_are_traced(hub: ServerHub, collector: Collector) -> None:
    with Client(hub) as client:
        client.subscribe(stream=["turned"])
        with hub.client() as store:
            store.publish([event("u1", stream="turned")])
        client.until_events(1)

    def kinds() -> set[object]:
        return {attributes_of(span)["eventstore.turn"] for span in collector.spans() if span.name == "turn"}

    wait_until(lambda: "live" in kinds(), what="a turn")


def test_what_was_traced_last_is_exported_when_the_instance_stops(start: Start, collector: Collector) -> None:
    # No batch is due for an hour.
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "3600000"}
    with start(variables) as hub:
        assert hub.call("GET", "/api/v1/streams").status == 200
        hub.instance.stop()
    assert "GET /api/v1/streams" in {span.name for span in collector.spans()}


def test_a_collector_that_is_away_holds_up_neither_requests_nor_the_end(start: Start) -> None:
    with start({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}) as hub:
        assert hub.call("GET", "/api/v1/streams").status == 200
        hub.instance.process.terminate()
        assert hub.instance.process.wait(30) == 0
