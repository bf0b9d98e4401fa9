"""Ranges of names in a sorted set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eventstore.adapters.redis.connection import Client

__all__ = ["bounds_of_names", "range_of_names"]


def bounds_of_names(*, prefix: str, after: str) -> tuple[str, bytes]:
    """Return the bounds of a range of names, as ZRANGEBYLEX takes them.

    Args:
        prefix: Only names that start with it.
        after: Only names greater than it.
    """
    lowest = f"({after}" if after and after >= prefix else f"[{prefix}"
    # Names are ASCII, so this is greater than every name that starts with the prefix.
    return lowest, b"[" + prefix.encode() + b"\xff"


def range_of_names(client: Client, key: str, *, prefix: str, after: str, count: int) -> list[Any]:
    """Return names of a sorted set in lexicographic order. The caller knows whose names they are, and types them.

    Args:
        client: The client of the store.
        key: The key of the sorted set, in which all names have one score.
        prefix: As in `bounds_of_names`.
        after: As in `bounds_of_names`.
        count: The maximum number of names.
    """
    bounds = bounds_of_names(prefix=prefix, after=after)
    return [name.decode() for name in client.execute_command("ZRANGEBYLEX", key, *bounds, "LIMIT", 0, count)]
