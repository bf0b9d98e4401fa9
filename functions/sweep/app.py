"""The sweep function: every minute it mends what a lost message or a function that died left undone, and measures."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from functions.hub import hub

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

__all__ = ["handler"]

_RESERVE = 5000
"""Milliseconds that the last step may take."""

_LAST = 1000
"""Milliseconds that the last measurement may take."""


def handler(_: Mapping[str, Any], context: LambdaContext) -> dict[str, int]:
    """Sweep once, and write down how far everything is behind; answers what it did."""
    end = hub().clock.now() + context.get_remaining_time_in_millis()
    swept = asdict(hub().sweeper.sweep(until=end - _RESERVE))
    # Imported here, for mending is not to wait for it.
    from functions.sweep.metrics import emit  # noqa: PLC0415 - see above

    emit(hub().log, hub().turns, hub().durables, clock=hub().clock, until=end - _LAST)
    return swept
