"""Named filters: their definitions, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.filters.named import NamedFilter
    from eventstore.streams import FilterName

__all__ = ["NamedFilters"]


class NamedFilters(Protocol):
    """Stores named filters. Every method is atomic, and raises `StoreUnavailable` if the store does not answer."""

    def create(self, named: NamedFilter) -> bool:
        """Store a filter, and return True; return False if there is one of this name.

        Raises:
            StoreFull: The store is out of memory.
        """

    def get(self, name: FilterName) -> NamedFilter:
        """Return the filter of a name; raise `FilterNotFound` if there is none."""

    def list(self, *, prefix: str, after: str, count: int) -> Sequence[NamedFilter]:
        """Return filters in lexicographic order of their names.

        Args:
            prefix: Only names that start with it.
            after: Only names greater than it.
            count: The maximum number of filters.
        """

    def change(self, old: NamedFilter, new: NamedFilter) -> bool:
        """Replace a filter, unless it was changed or deleted meanwhile.

        Args:
            old: The filter that the caller read.
            new: Its replacement, with the same name.

        Returns:
            Whether `new` is stored now; False if the stored filter is no longer `old`.
        """

    def delete(self, old: NamedFilter) -> bool:
        """Delete a filter, unless it was changed or deleted meanwhile.

        Args:
            old: The filter that the caller read.

        Returns:
            Whether it was deleted; False if the stored filter is no longer `old`.
        """
