"""What an instance measures and traces, in one value."""

from __future__ import annotations

from dataclasses import dataclass

from eventstore_server.metrics.catalogue import ServerMetrics
from eventstore_server.metrics.latency import PublishLatency
from eventstore_server.tracing import NoTracing, Tracing
from eventstore_server.turn_observer import TurnObserver

__all__ = ["Telemetry"]


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What an instance measures and traces.

    Attributes:
        metrics: Its metrics.
        latency: Measures how long events take from publishing to sending.
        tracing: Records spans.
        turns: Measures and traces turns.
    """

    metrics: ServerMetrics
    latency: PublishLatency
    tracing: Tracing
    turns: TurnObserver

    @classmethod
    def of(cls, tracing: Tracing | None = None) -> Telemetry:
        """Return new metrics with what measures them.

        Args:
            tracing: Records spans; None records nothing.
        """
        metrics, tracing = ServerMetrics(), tracing or NoTracing()
        latency = PublishLatency(metrics.publish_to_send.of())
        return cls(metrics, latency, tracing, TurnObserver(metrics, tracing))
