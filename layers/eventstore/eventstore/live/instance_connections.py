"""The ids of connections that instances of the server hold. Each names its instance."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, cast

from eventstore.subscriptions import ConnectionId

if TYPE_CHECKING:
    from eventstore.ports import InstanceId

__all__ = ["instance_of", "new_connection_id"]

_INSTANCE_LENGTH = 8
"""The number of characters of an id of an instance."""

_SEPARATOR = "."
"""The ids of API Gateway are base64, plain or for URLs. Neither has this character (RFC 4648, 4 and 5)."""


def new_connection_id(instance: InstanceId) -> ConnectionId:
    """Draw the id of a connection that an instance holds.

    Args:
        instance: The id of the instance, of 8 characters.
    """
    return ConnectionId(f"{instance}{_SEPARATOR}{secrets.token_hex(8)}")


def instance_of(connection_id: ConnectionId) -> InstanceId | None:
    """Return the id of the instance that holds a connection; None if API Gateway holds it."""
    # It is called for each address of each frame.
    if connection_id[_INSTANCE_LENGTH : _INSTANCE_LENGTH + 1] != _SEPARATOR:
        return None
    return cast("InstanceId", connection_id[:_INSTANCE_LENGTH])
