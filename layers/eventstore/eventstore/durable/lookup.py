"""Finding durable subscriptions, as far as a caller's access reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.errors import SubscriptionNotFound

if TYPE_CHECKING:
    from eventstore.access import Access
    from eventstore.ports import Durables
    from eventstore.subscriptions import Durable

__all__ = ["durable_in_reach"]


def durable_in_reach(durables: Durables, name: str, access: Access) -> Durable:
    """The durable subscription of a name.

    Raises:
        SubscriptionNotFound: There is none of this name, or it concerns streams that the access does not reach.
    """
    durable = durables.get(name)
    if not access.covers(durable):
        raise SubscriptionNotFound(name, durable=True)
    return durable
