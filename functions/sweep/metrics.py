"""Lags of dispatch and durable subscriptions, and diverged partitions, for CloudWatch: lines in its embedded format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from eventstore.access import FULL
from eventstore.durable.directory import Directory
from eventstore.durable.status import MOST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.durable.status import Standing
    from eventstore.ports import Clock, Durables, Log, Turns

__all__ = ["emit"]

_NAMESPACE = "flunq-eventstore"


def emit(
    log: Log, turns: Turns, durables: Durables, *, clock: Clock, until: int, diverged: Sequence[int] | None
) -> None:
    """Write the current figures to standard output, as many as there is time for.

    Lags are counted up to `status.MOST` in each partition.

    Args:
        log: The log.
        turns: The checkpoints of dispatch.
        durables: The durable subscriptions.
        clock: The clock.
        until: When to stop, in milliseconds since 1970.
        diverged: The partitions whose indexes do not follow their journals; None without a journal.
    """
    if diverged is not None:
        _write({}, {"DivergedPartitions": len(diverged)})
    reached = turns.reached()
    # Where nobody subscribes, nothing waits for dispatch.
    lags = log.lag({partition: reached[partition] for partition in turns.subscribed()}, most=MOST)
    _write({}, {"DispatchLag": sum(lag.events for lag in lags.values())})
    for standing in Directory(log, durables).standings(access=FULL):
        now = clock.now()
        if now >= until:
            return
        _write({"subscription": standing.durable.name}, _figures(standing), age_seconds=_age_seconds(standing, now))


def _figures(standing: Standing) -> Mapping[str, int]:
    counts = {
        "Lag": standing.log_lag,
        "InFlight": standing.in_flight,
        "Held": standing.held,
        "Parked": standing.parked,
        "Members": len(standing.members),
        "OpenCircuits": None if standing.durable.target is None else standing.open_circuits,
    }
    return {name: count for name, count in counts.items() if count is not None}


def _age_seconds(standing: Standing, now: int) -> float:
    return 0.0 if standing.oldest is None else max(0, now - standing.oldest) / 1000


def _write(dimensions: Mapping[str, str], counts: Mapping[str, int], *, age_seconds: float | None = None) -> None:
    metrics = EphemeralMetrics(namespace=_NAMESPACE)
    for name, value in dimensions.items():
        metrics.add_dimension(name, value)
    for name, count in counts.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    if age_seconds is not None:
        metrics.add_metric("OldestAge", MetricUnit.Seconds, age_seconds)
    metrics.flush_metrics()
