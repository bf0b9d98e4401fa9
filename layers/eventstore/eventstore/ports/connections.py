"""Sending messages to connected clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from eventstore.subscriptions import ConnectionId

__all__ = ["Connections", "Gone", "Unreachable"]


class Gone(Exception):
    """The connection is closed, or is not open yet."""


class Unreachable(Exception):
    """The message was not accepted this time; a retry may succeed."""


class Connections(Protocol):
    """Posts messages to clients by the id of their connection, and closes connections."""

    def post(self, connection: ConnectionId, message: bytes) -> None:
        """Send a message to a client. Messages of one connection arrive in the order of their calls.

        Args:
            connection: The id of the client's connection.
            message: The whole message, as the client receives it.

        Raises:
            Gone: There is no such connection.
            Unreachable: The client, or the service in front of it, does not accept the message now. The client may
                have received it all the same.
        """

    def close(self, connection: ConnectionId) -> None:
        """Close a connection. Closing a connection that is gone changes nothing.

        Raises:
            Unreachable: The connection may still be open.
        """
