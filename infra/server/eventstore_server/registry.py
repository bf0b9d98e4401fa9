"""The registry of an instance, which knows its own connections without asking the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis.registry import RedisRegistry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.streams import DurableName
    from eventstore.subscriptions import Connection, ConnectionId

__all__ = ["InstanceRegistry"]


class InstanceRegistry(RedisRegistry):
    """See `ports.Registry`.

    Every message of a client asks for its connection, which never changes. One that another instance has removed is
    known until its session ends, which that instance asks for; until then, calls that need it in the store fail.

    Args:
        *arguments: Those of `RedisRegistry`.
        **options: Those of `RedisRegistry`.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - see above
        super().__init__(*arguments, **options)
        self._own: dict[ConnectionId, Connection] = {}

    def connect(self, connection: Connection) -> None:
        """See `Registry.connect`."""
        super().connect(connection)
        self._own[connection.id] = connection

    def connection(self, connection_id: ConnectionId) -> Connection | None:
        """See `Registry.connection`."""
        return self._own.get(connection_id) or super().connection(connection_id)

    def disconnect(self, connection_id: ConnectionId) -> Sequence[DurableName] | None:
        """See `Registry.disconnect`."""
        self._own.pop(connection_id, None)
        return super().disconnect(connection_id)
