"""Who calls, as the gateway's authorizer passed it on; the handlers of both APIs hold callers to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.access import FULL, Access
from eventstore.errors import Forbidden, SubscriptionNotFound
from eventstore.hub import bootstrap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.subscriptions import Durable

__all__ = ["access_of", "durable_of", "require_durable"]


def access_of(context: Mapping[str, Any]) -> Access:
    """What the caller may do, by the event's `requestContext`: everything, where no authorizer decides (`AUTH`).

    Raises:
        Forbidden: An authorizer is to decide, and the gateway passed nothing on: it was not asked.
    """
    if not bootstrap.settings().authorizes:
        return FULL
    told = context.get("authorizer")
    if not told:
        raise Forbidden("AUTH wants an authorizer in front of this function, and none was asked; see docs/security.md")
    return Access.decoded(told)


def durable_of(access: Access, name: str) -> Durable:
    """The durable subscription of a name, if it is there for the caller; raises as `require_durable` does."""
    found = bootstrap.durables().get(name)
    if not access.covers(found):
        raise SubscriptionNotFound(name, durable=True)
    return found


def require_durable(access: Access, name: str) -> None:
    """Return if a durable subscription is there for the caller.

    Raises:
        SubscriptionNotFound: There is none of this name, or it concerns streams that are out of reach.
    """
    if access.prefixes:
        durable_of(access, name)
