"""Named filters as readers and subscribers use them: listed, described, and combined with the filter of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.access import IN_BODY, Scope
from eventstore.errors import FilterNotFound
from eventstore.filters.named import combined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.access import Access
    from eventstore.filters import Filter
    from eventstore.filters.named import NamedFilter
    from eventstore.ports import NamedFilters
    from eventstore.streams import FilterName

__all__ = ["FilterDirectory", "filter_in_reach"]


class FilterDirectory:
    """Finds named filters. Those whose names the caller's access does not reach are treated as absent.

    Every method requires one of the scopes `read`, `subscribe` and `admin`.
    """

    def __init__(self, filters: NamedFilters) -> None:
        self._filters = filters

    def list(self, *, access: Access, prefix: str = "", after: str = "", count: int) -> Sequence[NamedFilter]:
        """Return named filters in the order of their names.

        Args:
            access: The caller's access.
            prefix: Only names that start with it.
            after: Only names greater than it.
            count: The maximum number of filters.

        Raises:
            Forbidden: The access has none of the scopes.
        """
        _require_scope(access)
        filters: list[NamedFilter] = []
        for start in access.within(prefix):
            filters += self._filters.list(prefix=start, after=after, count=count - len(filters))
            if len(filters) >= count:
                break
        return filters

    def describe(self, name: FilterName, *, access: Access) -> NamedFilter:
        """Return a named filter.

        Args:
            name: The name of the filter.
            access: The caller's access.

        Raises:
            Forbidden: The access has none of the scopes.
            FilterNotFound: There is none of this name.
        """
        _require_scope(access)
        return filter_in_reach(self._filters, name, access)

    def combined(
        self, requested: Filter, name: FilterName, *, access: Access, pointers: tuple[str, str] = IN_BODY
    ) -> Filter:
        """Return the filter of events that match a named filter, as it is now, and the filter of a request.

        Args:
            requested: The filter of the request.
            name: The name of the filter.
            access: The caller's access. The use case that the request is for confines the result to its streams.
            pointers: As in `Access.confined`.

        Raises:
            Forbidden: The access has none of the scopes.
            FilterNotFound: There is none of this name.
            InvalidFilter: Both filters are too long together.
        """
        _require_scope(access)
        return combined(filter_in_reach(self._filters, name, access).filter, requested, pointer=pointers[1])


def filter_in_reach(filters: NamedFilters, name: FilterName, access: Access) -> NamedFilter:
    """Return a named filter.

    Args:
        filters: Holds the filters.
        name: The name of the filter.
        access: The caller's access.

    Raises:
        FilterNotFound: There is none of this name, or the access does not reach the name.
    """
    if not access.reaches(name):
        raise FilterNotFound(name)
    return filters.get(name)


def _require_scope(access: Access) -> None:
    access.require(Scope.READ, Scope.SUBSCRIBE, Scope.ADMIN)
