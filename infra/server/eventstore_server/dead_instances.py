"""Cleaning up behind an instance that has died."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.live.instance_connections import instance_of
from eventstore.ports import FIRST_LISTED

if TYPE_CHECKING:
    from eventstore.durable.membership import Members
    from eventstore.ports import Registry
    from eventstore.ports.instances import InstanceId

__all__ = ["remove_connections"]

_PAGE = 500


def remove_connections(dead: InstanceId, registry: Registry, members: Members) -> None:
    """Remove the connections of an instance, so that other members take over what its members own.

    Args:
        dead: The id of the instance.
        registry: Knows the connections.
        members: Disconnects them.

    Raises:
        StoreUnavailable: Some may be left. Repeating the call removes them.
    """
    after = FIRST_LISTED
    while listed := registry.listed(after=after, count=_PAGE):
        for connection in listed:
            if instance_of(connection.id) == dead:
                # Its members did nothing wrong: the instance died, and of no event that they had.
                members.disconnect(connection.id, orderly=True)
        after = listed[-1]
