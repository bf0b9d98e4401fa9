"""The clients that are connected now."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Connections", "Gone", "Unreachable"]


class Gone(Exception):
    """The connection is closed, or not open yet."""


class Unreachable(Exception):
    """The message was not taken this time; another try may succeed."""


class Connections(Protocol):
    """Posts to clients, wherever they are connected."""

    def post(self, connection: str, message: bytes) -> None:
        """Hand a message to a client; messages of one connection arrive in the order of their posts.

        Raises:
            Gone: There is no such connection.
            Unreachable: The client, or what leads to it, does not take it now.
        """

    def close(self, connection: str) -> None:
        """End a connection; one that is gone already stays so.

        Raises:
            Unreachable: It may still be open: nobody has told it.
        """
