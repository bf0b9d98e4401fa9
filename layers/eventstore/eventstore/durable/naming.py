"""Durable subscriptions that name a filter: what they select with its present definition.

A subscription stores the name, its own filter, and the filter that it uses, which contains both. So a turn needs no
named filter, and a subscription goes by the same filter in all of a turn. `Definitions.follow` brings the
filter that it uses up to date.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eventstore.errors import FilterNotFound
from eventstore.filters.named import FilterReference, require_half
from eventstore.read.filter_directory import filter_in_reach

if TYPE_CHECKING:
    from eventstore.access import Access
    from eventstore.durable.changes import Changes
    from eventstore.filters.named import NamedFilter
    from eventstore.ports import NamedFilters
    from eventstore.streams import FilterName
    from eventstore.subscriptions import Durable

__all__ = ["begin_use", "followed", "new_selection", "selection_changed"]


def new_selection(filters: NamedFilters, durable: Durable, access: Access) -> Durable:
    """Return a new subscription with the filter that it uses, confined to the streams that the access reaches.

    Args:
        filters: Holds the named filters.
        durable: The subscription; if it has a reference, its `filter` is ignored.
        access: The caller's access.

    Raises:
        Forbidden: The access does not reach a stream that the subscription names.
        FilterNotFound: The filter that it names does not exist.
        InvalidFilter: A filter is too long.
    """
    own = access.confined(durable.own_filter, streams=durable.streams)
    if durable.reference is None:
        return replace(durable, filter=own)
    require_half(own)
    reference = replace(durable.reference, own=own)
    return replace(
        durable, filter=reference.applied(filter_in_reach(filters, reference.name, access)), reference=reference
    )


def selection_changed(filters: NamedFilters, durable: Durable, changes: Changes, access: Access) -> Durable:
    """Return a subscription with the filter that changes give it, under its present version.

    Args:
        filters: Holds the named filters.
        durable: The subscription.
        changes: The changes. A filter that is left out stays, in the restriction of its creator; a name that is left
            out stays.
        access: The caller's access.

    Raises:
        FilterNotFound: The filter that the subscription names does not exist.
        InvalidFilter: A filter is too long.
    """
    if changes.filter is None and changes.filter_name is None:
        return durable
    own = access.confined(changes.filter or durable.own_filter, streams=durable.streams)
    present = durable.reference.name if durable.reference else None
    name = present if changes.filter_name is None else changes.filter_name
    if not name:
        return replace(durable, filter=own, reference=None)
    require_half(own)
    named = filters.get(name) if changes.filter_name is None else filter_in_reach(filters, name, access)
    reference = FilterReference(name, own)
    return replace(durable, filter=reference.applied(named), reference=reference)


def followed(filters: NamedFilters, durable: Durable) -> Durable:
    """Return the next version of a subscription if the filter that it names was changed; else the same object.

    A subscription whose filter no longer exists keeps the filter that it uses, and names none.

    Args:
        filters: Holds the named filters. They are read after the subscription was.
        durable: The subscription.
    """
    if durable.reference is None:
        return durable
    try:
        used = durable.reference.applied(filters.get(durable.reference.name))
    except FilterNotFound:
        return replace(durable, reference=None, version=durable.version + 1)
    return durable if used == durable.filter else replace(durable, filter=used, version=durable.version + 1)


def begin_use(filters: NamedFilters, name: FilterName) -> NamedFilter:
    """Record that a subscription names a filter, once the subscription is stored.

    A deletion of the filter that found no such subscription is refused from then on, and looks again.

    Args:
        filters: Holds the named filters.
        name: The name of the filter.

    Raises:
        FilterNotFound: The filter was deleted before the subscription was stored.
    """
    while True:
        named = filters.get(name)
        if filters.change(named, replace(named, uses=named.uses + 1)):
            return named
