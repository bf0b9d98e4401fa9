"""Connections that something happened to a short time ago."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eventstore.subscriptions import ConnectionId

__all__ = ["RecentConnections"]


class RecentConnections:
    """Ids of connections in the order of their times: forgetting the old ones costs nothing for those that stay."""

    def __init__(self) -> None:
        self._since: dict[ConnectionId, float] = {}

    def __contains__(self, connection: ConnectionId) -> bool:
        return connection in self._since

    def add(self, connection: ConnectionId, *, now: float) -> None:
        """Add a connection, or give one that is there this time, which is the newest.

        Args:
            connection: The id of the connection.
            now: The time, in seconds.
        """
        self._since.pop(connection, None)
        self._since[connection] = now

    def forget(self, *, until: float) -> None:
        """Forget the connections of a time, and of earlier ones."""
        while self._since and self._since[oldest := next(iter(self._since))] <= until:
            del self._since[oldest]
