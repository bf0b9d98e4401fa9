"""Traces that continue through events, by OpenTelemetry (the extra `opentelemetry`)."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from eventstore_client.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from opentelemetry.trace import TracerProvider

    from eventstore_client.recorded import Recorded

__all__ = ["OpenTelemetry", "Tracing"]

_CONTEXT = ("traceparent", "tracestate")
"""The attributes of the CloudEvents extension "Distributed Tracing", which are the headers of W3C Trace Context."""


class Tracing(Protocol):
    """What the client reports of its work to a system that collects traces."""

    def attributes(self) -> Mapping[str, str]:
        """Return the attributes of events that are published now; none outside of a trace."""
        ...

    def handling(self, event: Recorded, *, subscription: str, attempt: int) -> AbstractContextManager[object]:
        """Return a context in which a handler processes an event.

        Args:
            event: The event.
            subscription: The name of the durable subscription.
            attempt: The number of the delivery attempt, from 1.
        """
        ...


class OpenTelemetry:
    """Published events carry the trace of the caller, and a handler runs in a span that continues it.

    Events that have a `traceparent` of their own keep it, and JSON text is published as it is. The span of a handler
    follows the semantic conventions for messaging: it is of the kind CONSUMER, named `process` and the durable
    subscription, and an exception of the handler is its error.

    Args:
        provider: Creates the tracer; by default the one that the process has configured.

    Raises:
        ImportError: OpenTelemetry is not installed.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        try:
            from opentelemetry import trace  # noqa: PLC0415 - only the extra installs it
            from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
                TraceContextTextMapPropagator,
            )
        except ImportError as error:
            raise ImportError("tracing requires OpenTelemetry: pip install opentelemetry-api") from error
        self._kind = trace.SpanKind.CONSUMER
        self._tracer = trace.get_tracer("eventstore_client", __version__, provider)
        self._propagator = TraceContextTextMapPropagator()

    def attributes(self) -> Mapping[str, str]:
        """See `Tracing.attributes`."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier

    @contextmanager
    def handling(self, event: Recorded, *, subscription: str, attempt: int) -> Iterator[None]:
        """See `Tracing.handling`."""
        attributes = event.attributes
        carrier = {name: str(attributes[name]) for name in _CONTEXT if name in attributes}
        with self._tracer.start_as_current_span(
            f"process {subscription}",
            context=self._propagator.extract(carrier),
            kind=self._kind,
            attributes={
                "messaging.system": "flunq-eventstore",
                "messaging.operation.name": "process",
                "messaging.operation.type": "process",
                "messaging.destination.name": event.stream,
                "messaging.consumer.group.name": subscription,
                "messaging.message.id": event.id,
                "cloudevents.event_id": event.id,
                "cloudevents.event_source": str(attributes["source"]),
                "cloudevents.event_type": event.type,
                "eventstore.sequence": event.sequence,
                "eventstore.attempt": attempt,
            },
        ):
            yield
