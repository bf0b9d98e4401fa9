"""Lookup of durable subscriptions that a caller's access covers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.errors import SubscriptionNotFound

if TYPE_CHECKING:
    from eventstore.access import Access
    from eventstore.ports import Durables
    from eventstore.subscriptions import Durable

__all__ = ["durable_in_reach"]


def durable_in_reach(durables: Durables, name: str, access: Access) -> Durable:
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
