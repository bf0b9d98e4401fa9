from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from eventstore_client import Recorded
from eventstore_client.tracing import OpenTelemetry

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Traces:
    """A process that collects its spans in memory."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracing = OpenTelemetry(self.provider)

    def spans(self) -> list[ReadableSpan]:
        return [*self._exporter.get_finished_spans()]


@pytest.fixture
def traces() -> Traces:
    return Traces()


def event(**attributes: Any) -> Recorded:  # noqa: ANN401 - any JSON
    members = {"id": "1", "source": "/s", "type": "t", "hubstream": "wf-1", "hubsequence": "4", **attributes}
    return Recorded.from_text(json.dumps(members))


def test_events_carry_the_trace_of_the_caller(traces: Traces) -> None:
    with traces.provider.get_tracer("tests").start_as_current_span("order") as span:
        context = span.get_span_context()
        carried = traces.tracing.attributes()
    assert carried.keys() == {"traceparent"}
    # The flags at the end say that the trace is sampled, and perhaps that its id is random.
    assert carried["traceparent"].startswith(f"00-{context.trace_id:032x}-{context.span_id:016x}-0")


def test_events_outside_of_a_trace_carry_none(traces: Traces) -> None:
    assert traces.tracing.attributes() == {}


def test_a_handler_continues_the_trace_of_its_event(traces: Traces) -> None:
    recorded = event(traceparent=f"00-{TRACE}-00f067aa0ba902b7-01", tracestate="vendor=1")
    with traces.tracing.handling(recorded, subscription="workers", attempt=2):
        assert get_current_span().get_span_context().trace_state["vendor"] == "1"
    [span] = traces.spans()
    assert (span.name, span.kind) == ("process workers", SpanKind.CONSUMER)
    assert f"{span.context.trace_id:032x}" == TRACE
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert span.attributes is not None
    assert span.attributes["messaging.destination.name"] == "wf-1"
    assert span.attributes["messaging.consumer.group.name"] == "workers"
    assert span.attributes["messaging.message.id"] == "1"
    assert (span.attributes["eventstore.sequence"], span.attributes["eventstore.attempt"]) == (4, 2)


@pytest.mark.parametrize("attributes", [{}, {"traceparent": "none"}])
def test_a_handler_of_an_event_without_a_trace_begins_one(traces: Traces, attributes: dict[str, str]) -> None:
    with traces.tracing.handling(event(**attributes), subscription="workers", attempt=1):
        pass
    [span] = traces.spans()
    assert span.parent is None


def test_an_exception_of_the_handler_is_the_error_of_the_span(traces: Traces) -> None:
    with (
        pytest.raises(ValueError, match="card declined"),
        traces.tracing.handling(event(), subscription="workers", attempt=1),
    ):
        raise ValueError("card declined")
    [span] = traces.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "ValueError: card declined"
    assert [one.name for one in span.events] == ["exception"]


def test_without_opentelemetry_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ImportError, match="pip install opentelemetry-api"):
        OpenTelemetry()
