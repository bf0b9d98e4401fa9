"""Closing the connection of a client that an operator does not want connected."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.errors import ConnectionNotFound
from eventstore.frames.frame import Address
from eventstore.frames.hub_messages import closing, hub_event
from eventstore.subscriptions import BARE, SubscriptionId

if TYPE_CHECKING:
    from eventstore.durable.membership import Members
    from eventstore.ports import Deliveries
    from eventstore.subscriptions import Connection

__all__ = ["ClosingConnections"]

_DETAIL = "an operator closed this connection; connect again and resume from your cursors"


@dataclass(frozen=True, slots=True)
class ClosingConnections:
    """Removes connections that an operator closes, and has them closed.

    Attributes:
        members: Removes a connection and its subscriptions.
        deliveries: Receives the message after which the connection is closed.
        shards: The number of shards of the store.
    """

    members: Members
    deliveries: Deliveries
    shards: int

    def close(self, connection: Connection) -> None:
        """Remove a connection, send its client the reason after all that it was sent before, and have it closed.

        If the process crashes in between, the call is repeated.
        """
        # First, so that the frames of a turn that has begun are sent before the connection is closed.
        self.members.disconnect(connection.id)
        to = Address(connection.id, SubscriptionId(""), 0, connection.opened)
        self.deliveries.send([closing(_notice(connection), to, shards=self.shards)])


def _notice(connection: Connection) -> str:
    """Return the reason: an error as for a request that is sent on a closed connection, or an event of the hub."""
    problem = {"code": ConnectionNotFound.code, "detail": _DETAIL}
    if connection.protocol == BARE:
        return hub_event("closed", json.dumps(problem, separators=(",", ":")), connection.id)
    return json.dumps({"type": "error", **problem}, separators=(",", ":"))
