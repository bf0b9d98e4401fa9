"""What a partition says of the newest removal of its events, in its hash."""

from __future__ import annotations

from eventstore.positions import BEGINNING, END, Position, end_of

__all__ = ["REMOVALS", "removals_of"]

REMOVALS = ("trims", "removed_until")
"""The fields: the removal serial, and the time of the newest removal."""


def removals_of(serial: bytes | None, newest: bytes | None) -> tuple[int, Position]:
    """Return the removal serial, and the position of the newest removal or one after it; see `ports.Tail`.

    Args:
        serial: The first field.
        newest: The second one. Partitions of an earlier release have a serial, but no time.
    """
    removals = int(serial or 0)
    return removals, end_of(int(newest)) if newest else END if removals else BEGINNING
