"""Measures and traces the turns that this instance takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from eventstore.errors import EventstoreError

if TYPE_CHECKING:
    from eventstore_server.metrics.catalogue import ServerMetrics
    from eventstore_server.tracing import Tracing

__all__ = ["TurnKind", "TurnObserver"]

TurnKind = Literal["durable", "live"]
"""Turns of partitions that this instance owns, and turns of its own ephemeral subscriptions."""


class TurnObserver:
    """See the module.

    Args:
        metrics: Counts turns.
        tracing: Records them.
    """

    def __init__(self, metrics: ServerMetrics, tracing: Tracing) -> None:
        self._metrics = metrics
        self._tracing = tracing

    def retried(self, kind: TurnKind) -> None:
        """Record that a turn begins that repeats one which did not commit."""
        self._metrics.turn_retries.add(kind)

    def committed(self, kind: TurnKind, partition: int, *, seconds: float) -> None:
        """Record a turn that was committed, and how long it took."""
        self._metrics.turns.add(kind)
        self._metrics.turn_seconds.observe(seconds, kind)
        self._tracing.record(
            "turn", seconds=seconds, attributes={"eventstore.turn": kind, "eventstore.partition": partition}
        )

    def failed(self, kind: TurnKind, error: Exception) -> None:
        """Record a turn that failed."""
        code = error.code if isinstance(error, EventstoreError) else "internal"
        self._metrics.turn_failures.add(kind, code)
