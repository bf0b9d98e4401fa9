"""The operators' use cases of named filters: create, change and delete."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eventstore.access import Scope
from eventstore.durable.lookup import durables_in_order
from eventstore.errors import FilterInUse, FilterNotFound, InvalidQuery, WrongFilterVersion
from eventstore.filters.named import NamedFilter, require_half
from eventstore.read.filter_directory import filter_in_reach
from eventstore.streams import is_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from eventstore.access import Access
    from eventstore.durable.definitions import Definitions
    from eventstore.filters import Filter
    from eventstore.ports import Clock, Durables, NamedFilters
    from eventstore.streams import FilterName
    from eventstore.subscriptions import Durable

__all__ = ["FilterAdmin"]


class FilterAdmin:
    """Manages named filters. A caller needs the scope `admin`, and must reach the filter's name as that of a stream.

    Args:
        filters: Holds the named filters.
        durables: Holds the durable subscriptions, which may name them.
        definitions: Changes the subscriptions that name a filter.
        clock: Tells the time.
        new_id: Draws the key of a new filter.
    """

    def __init__(
        self,
        filters: NamedFilters,
        durables: Durables,
        definitions: Definitions,
        *,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        self._filters = filters
        self._durables = durables
        self._definitions = definitions
        self._clock = clock
        self._new_id = new_id

    def put(
        self,
        name: FilterName,
        value: Filter,
        *,
        access: Access,
        versions: Collection[str] | None = None,
        exists: bool | None = None,
    ) -> tuple[NamedFilter, bool]:
        """Create or replace a filter, and change the durable subscriptions that name it.

        The filter is stored first. If the process crashes before all subscriptions are changed, the sweep changes the
        others, and so does a repeated call. A filter that stays as it is keeps its version.

        Args:
            name: The name of the filter.
            value: The filter; it is confined to the streams that the access reaches, because subscriptions of others
                may name it.
            access: The caller's access.
            versions: The versions (`NamedFilter.tag`) that the filter may have; None for any.
            exists: Whether the filter must exist, or must not; None for either.

        Returns:
            The stored filter, and whether this call created it.

        Raises:
            Forbidden: The access does not allow it.
            InvalidQuery: The name is invalid.
            InvalidFilter: The filter is too long.
            WrongFilterVersion: The filter has another version, or exists against the condition; nothing is changed.
        """
        access.require(Scope.ADMIN)
        access.require_streams([name], pointer="filter")
        if not is_name(name):
            raise InvalidQuery("the name of a filter must be 1 to 200 letters, digits or . _ : ~ -", pointer="filter")
        confined = access.confined(value)
        require_half(confined)
        stored, is_created = self._store(name, confined, versions, exists=exists)
        for durable in self._naming(name):
            self._definitions.follow(durable)
        return stored, is_created

    def delete(self, name: FilterName, *, access: Access, versions: Collection[str] | None = None) -> None:
        """Delete a filter that no durable subscription names.

        Args:
            name: The name of the filter.
            access: The caller's access.
            versions: As in `put`.

        Raises:
            Forbidden: The access has not the scope.
            FilterNotFound: There is none of this name.
            FilterInUse: A durable subscription names it.
            WrongFilterVersion: It has another version.
        """
        access.require(Scope.ADMIN)
        stored = filter_in_reach(self._filters, name, access)
        while True:
            if versions is not None and stored.tag not in versions:
                raise WrongFilterVersion(name, actual=stored.tag)
            if users := list(self._naming(name)):
                visible = next((durable.name for durable in users if access.covers(durable)), None)
                raise FilterInUse(name, subscription=visible)
            # A subscription that began to name the filter since it was read has changed its `uses`.
            if self._filters.delete(stored):
                return
            try:
                stored = self._filters.get(name)
            except FilterNotFound:
                # Deleted meanwhile, or by this call: a command whose answer was lost is repeated.
                return

    def _store(
        self, name: FilterName, value: Filter, versions: Collection[str] | None, *, exists: bool | None
    ) -> tuple[NamedFilter, bool]:
        now = self._clock.now()
        created = NamedFilter(self._new_id(), name, value, created=now, changed=now)
        replacement = created
        while True:
            try:
                stored = self._filters.get(name)
            except FilterNotFound:
                if versions is not None or exists:
                    raise WrongFilterVersion(name, actual=None) from None
                if self._filters.create(created):
                    return created, True
                continue
            # A command whose answer was lost is repeated, and then finds what it has stored itself.
            if stored.tag in {created.tag, replacement.tag} and stored.filter == value:
                return stored, stored.tag == created.tag
            if exists is False or (versions is not None and stored.tag not in versions):
                raise WrongFilterVersion(name, actual=stored.tag)
            if stored.filter == value:
                return stored, False
            replacement = replace(stored, filter=value, version=stored.version + 1, changed=now)
            if self._filters.change(stored, replacement):
                return replacement, False

    def _naming(self, name: FilterName) -> Iterator[Durable]:
        """Yield the durable subscriptions that name a filter."""
        for durable in durables_in_order(self._durables):
            if durable.reference is not None and durable.reference.name == name:
                yield durable
