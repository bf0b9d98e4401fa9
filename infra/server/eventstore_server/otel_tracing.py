"""Spans as OpenTelemetry records and exports them, by OTLP over HTTP. The extra `otel` installs it."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opentelemetry.context import Context

__all__ = ["OtelTracing"]

_SERVICE, _UNNAMED = "flunq-eventstore", "unknown_service"
_KINDS = {"server": SpanKind.SERVER, "producer": SpanKind.PRODUCER, "internal": SpanKind.INTERNAL}
_FLUSH_SECONDS = 2.0
_MOST_LINKS = 100


class OtelTracing:
    """See `Tracing`. The SDK reads `OTEL_*`: endpoint, headers, sampler, attributes of the resource.

    Args:
        instance: The id of this instance.
    """

    def __init__(self, *, instance: str) -> None:
        # `create` reads OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
        resource = Resource.create({"service.instance.id": instance})
        if str(resource.attributes["service.name"]).startswith(_UNNAMED):
            resource = resource.merge(Resource({"service.name": _SERVICE}))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("eventstore_server")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(
        self,
        name: str,
        *,
        kind: str = "internal",
        parent: str = "",
        links: Sequence[str] = (),
        attributes: Mapping[str, str | int] | None = None,
    ) -> Iterator[_Span]:
        """See `Tracing.span`."""
        is_inner = trace.get_current_span().get_span_context().is_valid
        context = self._context_of(parent) if parent and not is_inner else None
        with self._tracer.start_as_current_span(
            name,
            context=context,
            kind=_KINDS[kind],
            attributes=attributes,
            links=self._links_of(links),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield _Span(span)

    def record(self, name: str, *, seconds: float, attributes: Mapping[str, str | int]) -> None:
        """See `Tracing.record`."""
        end = time.time_ns()
        begin = end - int(seconds * 1e9)
        span = self._tracer.start_span(name, start_time=begin, attributes=attributes)
        span.end(end)

    def close(self) -> None:
        """See `Tracing.close`."""
        # Neither `force_flush` nor `shutdown` keeps to a time if the collector is away.
        flushing = threading.Thread(target=self._provider.force_flush, name="flush-traces", daemon=True)
        flushing.start()
        flushing.join(_FLUSH_SECONDS)

    def _context_of(self, traceparent: str) -> Context:
        return self._propagator.extract({"traceparent": traceparent})

    def _links_of(self, traceparents: Sequence[str]) -> list[Link]:
        contexts = [
            trace.get_current_span(self._context_of(text)).get_span_context()
            for text in dict.fromkeys(traceparents[:_MOST_LINKS])
        ]
        return [Link(context) for context in contexts if context.is_valid]


class _Span:
    """See `Span`."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def set(self, name: str, value: str | int) -> None:
        """See `Span.set`."""
        self._span.set_attribute(name, value)

    def fail(self, code: str) -> None:
        """See `Span.fail`."""
        self._span.set_attribute("error.type", code)
        self._span.set_status(Status(StatusCode.ERROR))
