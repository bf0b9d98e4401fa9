"""Where the bodies of events are, if they are not in the entries of their streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.redis.entries import Entry

__all__ = ["Bodies"]


class Bodies(Protocol):
    """Fetches the bodies of events whose entries hold references to them."""

    def filled_in(self, reads: Sequence[tuple[int, Sequence[Entry]]]) -> list[Sequence[Entry]]:
        """Return the entries with their bodies, without those whose bodies were removed meanwhile.

        Args:
            reads: Entries that were read together, each time with the number of their partition.
        """
