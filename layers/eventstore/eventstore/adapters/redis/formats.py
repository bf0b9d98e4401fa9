"""The version of the format of a store: the names of its keys, the values under them, what scripts do with these.

A version of the hub that changes the format so that the version before it cannot use the store counts `NEWEST` up. It
reads the old format as well (`OLDEST` stays), or refuses it. A field that older versions pass over is no other format:
functions of both versions run side by side while one replaces the other (tests/functional/rolling).
"""

from __future__ import annotations

from eventstore.errors import FormatMismatch

__all__ = ["COLD", "FIRST", "JOURNALED", "NEWEST", "OLDEST", "require_known"]

FIRST = 1
"""What a store has that names none: it was made before there was another."""

OLDEST = 1
"""The oldest format that this version uses."""

NEWEST = 1
"""The newest one, which a new store gets (`lua/shared/open_partition.lua`)."""


JOURNALED = 2
"""The format of the index of a journal: versions that know no journal refuse it."""

COLD = 3
"""The format of a store of which some events are in the archive alone: versions that do not look there refuse it."""


def require_known(store_format: int, *, oldest: int = OLDEST, newest: int = NEWEST) -> None:
    """Raise `FormatMismatch` unless this version uses the format of a store.

    Args:
        store_format: The format of the store.
        oldest: The oldest format that this version uses.
        newest: The newest one.
    """
    if not oldest <= store_format <= newest:
        raise FormatMismatch(stored=store_format, oldest=oldest, newest=newest)
