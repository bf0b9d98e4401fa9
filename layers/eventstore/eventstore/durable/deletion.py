"""Telling members of a durable subscription that it was deleted."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.errors import SubscriptionNotFound
from eventstore.frames.builder import note
from eventstore.frames.frame import Address

if TYPE_CHECKING:
    from eventstore.durable.membership import Members
    from eventstore.groups import Member
    from eventstore.ports import Deliveries, Registry

__all__ = ["Endings"]


@dataclass(frozen=True, slots=True)
class Endings:
    """Tells those who took part."""

    members: Members
    registry: Registry
    deliveries: Deliveries

    def tell(self, member: Member, name: str) -> None:
        """Send a member the error, behind all that it was sent before, and end its part.

        One that left meanwhile is told nothing. Whoever dies in between leaves it to be done again.
        """
        if self.registry.joined(member.connection, member.id) != name:
            return
        self.deliveries.send([note(_error(member.id, name), Address(member.connection, member.id, 0, 0))])
        with suppress(SubscriptionNotFound):
            self.members.unsubscribe(member.connection, member.id)


def _error(own_id: str, name: str) -> str:
    """As the hub answers a request that fails; it has no `request`, for none was made."""
    detail = f"the durable subscription {name!r} was deleted"
    told = {"type": "error", "code": SubscriptionNotFound.code, "detail": detail, "id": own_id}
    return json.dumps(told, separators=(",", ":"))
