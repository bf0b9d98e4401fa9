"""The clients that are connected to this instance, as the door sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from eventstore.frames.frame import Address, Part
    from eventstore.subscriptions import Connection, ConnectionId

__all__ = ["Session", "Sessions"]


class Session(Protocol):
    """A client that is connected to this instance, over any door. All methods are called on the event loop's thread."""

    connection: Connection

    def deliver(self, part: Part, to: Address) -> None:
        """Accept a part, in the order of the session. It must not block.

        Args:
            part: The part.
            to: The session's own address in it.
        """

    def close(self, code: str, detail: str) -> None:
        """End the session on behalf of the server: the client is too slow, or the server is drained.

        Args:
            code: Stable, for programs.
            detail: A sentence for a person.
        """


class Sessions(Protocol):
    """All sessions of this instance."""

    def new_id(self) -> ConnectionId:
        """Draw the id of a new connection."""

    def add(self, session: Session) -> None:
        """Register a session, before its connection is registered in the store: parts are delivered from here on."""

    def remove(self, connection_id: ConnectionId) -> None:
        """Remove a session: nothing is delivered to it afterwards."""
