"""Notifications of members that their durable subscription was deleted."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.errors import ConnectionNotFound, SubscriptionNotFound
from eventstore.frames.frame import Address
from eventstore.frames.hub_messages import note

if TYPE_CHECKING:
    from eventstore.durable.membership import Members
    from eventstore.groups import Member
    from eventstore.ports import Deliveries, Registry
    from eventstore.streams import DurableName
    from eventstore.subscriptions import SubscriptionId

__all__ = ["DeletionNotices"]


@dataclass(frozen=True, slots=True)
class DeletionNotices:
    """Notifies members of a durable subscription that it was deleted.

    Attributes:
        members: Ends the part of a member.
        registry: Knows which connections take part in the subscription.
        deliveries: Receives the message.
        shards: The number of shards of the store.
    """

    members: Members
    registry: Registry
    deliveries: Deliveries
    shards: int

    def send(self, member: Member, name: DurableName) -> None:
        """Send a member the error, after all that it was sent before, and end its part.

        A member that has left meanwhile is sent nothing. If the process crashes in between, the call is repeated.

        Args:
            member: The member when the subscription was deleted.
            name: The name of the subscription.
        """
        if self.registry.joined(member.connection, member.id) != name:
            return
        to = Address(member.connection, member.id, 0, 0)
        self.deliveries.send([note(_error(member.id, name), to, shards=self.shards)])
        # A client whose call ends with the message may have left by now.
        with suppress(ConnectionNotFound, SubscriptionNotFound):
            self.members.unsubscribe(member.connection, member.id)


def _error(own_id: SubscriptionId, name: DurableName) -> str:
    """Return an error message as for a request that fails. It has no `request`, for none was sent."""
    detail = f"the durable subscription {name!r} was deleted"
    message = {"type": "error", "code": SubscriptionNotFound.code, "detail": detail, "id": own_id}
    return json.dumps(message, separators=(",", ":"))
