"""Traces: spans of requests, messages, appends and turns, if the environment asks for them.

OpenTelemetry is imported only then (`otel_tracing`). Without it a span costs a function call.
"""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

__all__ = ["NoTracing", "Span", "Tracing", "tracing_of"]

_LOGGER = logging.getLogger(__name__)

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class Span(Protocol):
    """Something that takes time, as part of a trace."""

    def set(self, name: str, value: str | int) -> None:
        """Set an attribute."""

    def fail(self, code: str) -> None:
        """Record that it failed, with the code of the error."""


class Tracing(Protocol):
    """Records spans. No span has a credential, or the content of an event."""

    def span(
        self,
        name: str,
        *,
        kind: str = "internal",
        parent: str = "",
        links: Sequence[str] = (),
        attributes: Mapping[str, str | int] | None = None,
    ) -> AbstractContextManager[Span]:
        """Record the block as a span. Spans that the thread records within it are its children.

        Args:
            name: What is done.
            kind: `server`, `producer` or `internal`.
            parent: The `traceparent` of the caller (W3C Trace Context), if this thread has no span; it may be invalid.
            links: Values of `traceparent` of other traces that it belongs to.
            attributes: Attributes.
        """

    def record(self, name: str, *, seconds: float, attributes: Mapping[str, str | int]) -> None:
        """Record a span of its own trace that ends now.

        Args:
            name: What was done.
            seconds: How long it took.
            attributes: Attributes.
        """

    def close(self) -> None:
        """Export what was recorded, within some seconds."""


class _NoSpan:
    def set(self, name: str, value: str | int) -> None:
        """See `Span.set`."""

    def fail(self, code: str) -> None:
        """See `Span.fail`."""


class NoTracing:
    """See `Tracing`: records nothing."""

    def __init__(self) -> None:
        self._nothing: AbstractContextManager[Span] = nullcontext(_NoSpan())

    def span(
        self,
        name: str,  # noqa: ARG002 - those of the protocol
        *,
        kind: str = "internal",  # noqa: ARG002
        parent: str = "",  # noqa: ARG002
        links: Sequence[str] = (),  # noqa: ARG002
        attributes: Mapping[str, str | int] | None = None,  # noqa: ARG002
    ) -> AbstractContextManager[Span]:
        """See `Tracing.span`."""
        return self._nothing

    def record(self, name: str, *, seconds: float, attributes: Mapping[str, str | int]) -> None:
        """See `Tracing.record`."""

    def close(self) -> None:
        """See `Tracing.close`."""


def tracing_of(environment: Mapping[str, str], *, instance: str) -> Tracing:
    """Return what records spans, as the variables `OTEL_*` of OpenTelemetry say.

    Args:
        environment: The variables. An endpoint of OTLP turns traces on, unless `OTEL_SDK_DISABLED` is true, or
            `OTEL_TRACES_EXPORTER` is `none`.
        instance: The id of this instance.
    """
    is_off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    is_off |= environment.get("OTEL_TRACES_EXPORTER", "").lower() == "none"
    if is_off or not any(environment.get(name) for name in _ENDPOINTS):
        return NoTracing()
    try:
        from eventstore_server.otel_tracing import OtelTracing  # noqa: PLC0415 - an extra, which may not be installed
    except ImportError as error:
        _LOGGER.warning(
            "OTEL_* is set, and traces need OpenTelemetry, which is not installed (%s); "
            "nothing is traced. Install it: pip install 'flunq-eventstore[otel]'",
            error.name,
        )
        return NoTracing()
    return OtelTracing(instance=instance)
