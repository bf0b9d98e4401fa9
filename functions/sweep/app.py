"""The sweep function: every minute it repairs the effects of lost messages and failed functions, and emits metrics."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from functions.hub import hub

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

__all__ = ["handler"]

_RESERVE = 5000
"""Milliseconds reserved for the last step."""

_METRICS_RESERVE = 1000
"""Milliseconds reserved for the last measurement."""


def handler(_: Mapping[str, Any], context: LambdaContext) -> dict[str, int]:
    """Sweep once and emit metrics of all lags; returns the counts of the sweep."""
    end = hub().clock.now() + context.get_remaining_time_in_millis()
    swept = asdict(hub().sweeper.sweep(until=end - _RESERVE))
    # Imported here, so that the sweep does not wait for it.
    from functions.sweep.metrics import emit  # noqa: PLC0415 - see above

    emit(
        hub().log,
        hub().turns,
        hub().durables,
        clock=hub().clock,
        until=end - _METRICS_RESERVE,
        diverged=hub().diverged_partitions(),
    )
    return swept
