"""Ranges of names in a sorted set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eventstore.adapters.redis.connection import Client

__all__ = ["range_of_names"]


def range_of_names(client: Client, key: str, *, prefix: str, after: str, count: int) -> list[Any]:
    """Return names of a sorted set in lexicographic order. The caller knows whose names they are, and types them.

    Args:
        client: The client of the store.
        key: The key of the sorted set, in which all names have one score.
        prefix: Only names that start with it.
        after: Only names greater than it.
        count: The maximum number of names.
    """
    lowest = f"({after}" if after and after >= prefix else f"[{prefix}"
    highest = b"[" + prefix.encode() + b"\xff"
    return [name.decode() for name in client.execute_command("ZRANGEBYLEX", key, lowest, highest, "LIMIT", 0, count)]
