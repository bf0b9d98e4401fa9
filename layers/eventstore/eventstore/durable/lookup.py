"""Lookup of durable subscriptions: by name, within a caller's access, and one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.errors import SubscriptionNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eventstore.access import Access
    from eventstore.ports import Durables
    from eventstore.streams import DurableName
    from eventstore.subscriptions import Durable

__all__ = ["BATCH", "durable_in_reach", "durables_in_order"]

BATCH = 100
"""How many subscriptions are read in one step."""


def durable_in_reach(durables: Durables, name: DurableName, access: Access) -> Durable:
    """Return a durable subscription.

    Args:
        durables: Holds the subscriptions.
        name: The name of the subscription.
        access: The caller's access.

    Raises:
        SubscriptionNotFound: There is none of this name, or the access does not cover it.
    """
    durable = durables.get(name)
    if not access.covers(durable):
        raise SubscriptionNotFound(name, durable=True)
    return durable


def durables_in_order(
    durables: Durables, *, prefix: str = "", after: str = "", start: DurableName | None = None, batch: int = BATCH
) -> Iterator[Durable]:
    """Yield durable subscriptions in the order of their names.

    Args:
        durables: Holds the subscriptions.
        prefix: The prefix of their names.
        after: The name after which they start.
        start: The name with which they start, in place of `after`.
        batch: How many are read in one step.
    """
    names: Sequence[DurableName] = [start] if start else durables.names(prefix=prefix, after=after, count=batch)
    while names:
        yield from durables.definitions(names)
        names = durables.names(prefix=prefix, after=names[-1], count=batch)
