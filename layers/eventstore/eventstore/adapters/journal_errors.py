"""The errors of several journals."""

from __future__ import annotations

from eventstore.errors import StoreUnavailable

__all__ = ["beyond_the_end"]


def beyond_the_end(partition: int, position: int, end: int) -> StoreUnavailable:
    """Return the error that `Journal.fetch` raises for a position behind the end."""
    return StoreUnavailable(
        f"the journal has no record at position {position} of partition {partition}; it ends at {end}"
    )
