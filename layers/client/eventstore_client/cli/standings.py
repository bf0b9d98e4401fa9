"""How far durable subscriptions are, as tables show it to people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COLUMNS", "lag_of", "standing"]

COLUMNS = ("id", "members", "lag", "in_flight", "held", "parked", "oldest_age", "open_circuits")

_MOST = 10_000
"""The greatest number of events per partition that the hub counts."""


def standing(summary: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the cells of the row of a durable subscription.

    Args:
        summary: The summary as the hub sent it. It has no `lag` if the hub would have to read events to count it.
    """
    return {column: lag_of(summary) if column == "lag" else summary.get(column) for column in COLUMNS}


def lag_of(summary: Mapping[str, Any]) -> str:
    """Return the lag: `7`, `7+` if there may be more, `≤7` if not all of 7 events need match; empty if unknown."""
    if (lag := summary.get("lag")) is not None:
        return f"{lag}+" if summary.get("lag_more") else str(lag)
    if (log_lag := summary.get("log_lag")) is None:
        return ""
    # Of a partition that is further behind, the hub does not count the rest.
    return f"≤{log_lag}" if log_lag < _MOST else "?"
