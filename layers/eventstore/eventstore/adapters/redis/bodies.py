"""Where the bodies of events are, if they are not in the entries of their streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.redis.entries import Entry

__all__ = ["Bodies", "IndexLost"]


class IndexLost(Exception):
    """The index of a journal was lost while it was read: what was read may lack anything.

    Attributes:
        partition: The partition.
    """

    def __init__(self, partition: int) -> None:
        super().__init__(f"the index of partition {partition} was lost while it was read")
        self.partition = partition


class Bodies(Protocol):
    """Fetches the bodies of events whose entries hold references to them."""

    def filled_in(self, reads: Sequence[tuple[int, Sequence[Entry]]]) -> list[Sequence[Entry]]:
        """Return the entries with their bodies, without those whose bodies were removed meanwhile.

        Args:
            reads: Entries that were read together, each time with the number of their partition.
        """
