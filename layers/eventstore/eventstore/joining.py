"""Taking part in durable subscriptions: joining, acknowledging, leaving. The turns of partitions do the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.errors import InvalidCursor, InvalidRequest, SubscriptionNotFound
from eventstore.groups import Ack, AckStream, Join, Leave, Nack, Release
from eventstore.positions import Cursor
from eventstore.streams import partition_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.groups import Command
    from eventstore.ports import Bells, Durables, Registry
    from eventstore.subscriptions import Durable

__all__ = ["Members"]


class Members:
    """What connections do with the durable subscriptions that they share."""

    def __init__(self, durables: Durables, registry: Registry, bells: Bells) -> None:
        self._durables = durables
        self._registry = registry
        self._bells = bells

    def join(self, connection: str, own_id: str, durable: Durable) -> Sequence[int]:
        """Let a connection take part; answers the partitions that the subscription concerns.

        Whether it may was found out of this one. Another that has its name meanwhile is not joined.

        Raises:
            SubscriptionConflict, TooManySubscriptions, ConnectionNotFound: As `Registry.join` says.
        """
        self._registry.join(connection, own_id, durable.name)
        partitions = self._durables.partitions(durable)
        self._tell(durable, dict.fromkeys(partitions, (Join(connection, own_id),)))
        # Who ended the connection meanwhile may have told of it before.
        if self._registry.connection(connection) is None:
            self.leave(connection, [durable.name])
        return partitions

    def leave(self, connection: str, names: Iterable[str]) -> None:
        """Let a connection take part no more, in subscriptions that may have ended."""
        for name in names:
            try:
                durable = self._durables.get(name)
            except SubscriptionNotFound:
                continue
            self._tell(durable, dict.fromkeys(self._durables.partitions(durable), (Leave(connection),)))

    def unsubscribe(self, connection: str, own_id: str) -> None:
        """End a subscription of a connection, durable or not. Whoever dies in between leaves it to be done again.

        Raises:
            SubscriptionNotFound: The connection has none of this id.
        """
        if name := self._registry.joined(connection, own_id):
            self.leave(connection, [name])
        self._registry.unsubscribe(connection, own_id)

    def disconnect(self, connection: str) -> None:
        """Forget a connection and all that it had. Whoever dies in between leaves it to be done again."""
        if names := self._registry.disconnect(connection):
            self.leave(connection, names)
            self._registry.forget(connection)

    def acknowledge(self, connection: str, own_id: str, cursors: Sequence[str]) -> None:
        """All that was sent up to the cursors is handled.

        Raises:
            InvalidCursor: They are none, or of partitions that do not concern the subscription.
        """
        places = Cursor.merged(cursors).places
        durable = self._of(connection, own_id)
        if other := sorted(places.keys() - set(self._durables.partitions(durable))):
            raise InvalidCursor(
                f"the cursor names partition {other[0]}, which does not concern the subscription {own_id!r}; "
                "acknowledge with the cursors of its frames",
                pointer="cursor",
            )
        commands = {p: (Ack(connection, position, epoch),) for p, (epoch, position) in places.items()}
        self._tell(durable, commands)

    def acknowledge_stream(self, connection: str, own_id: str, stream: str, sequence: int) -> None:
        """All of a stream that is held is handled, up to a sequence."""
        self._tell_of_stream(connection, own_id, stream, AckStream(connection, stream, sequence))

    def fail(self, own_id: str, nack: Nack) -> None:
        """An event could not be handled."""
        self._tell_of_stream(nack.connection, own_id, nack.stream, nack)

    def release(self, connection: str, own_id: str, partition: int) -> None:
        """The connection is done with a partition that was revoked.

        Raises:
            InvalidRequest: The partition does not concern the subscription.
        """
        durable = self._of(connection, own_id)
        if partition not in self._durables.partitions(durable):
            raise InvalidRequest(
                f"partition {partition} does not concern the subscription {own_id!r}; "
                "release one that it was told to be revoked",
                pointer="/partition",
            )
        self._tell(durable, {partition: (Release(connection),)})

    def _of(self, connection: str, own_id: str) -> Durable:
        name = self._registry.joined(connection, own_id)
        if name is None:
            raise SubscriptionNotFound(own_id)
        return self._durables.get(name)

    def _tell_of_stream(self, connection: str, own_id: str, stream: str, command: Command) -> None:
        durable = self._of(connection, own_id)
        self._tell(durable, {partition_of(stream, self._durables.count): (command,)})

    def _tell(self, durable: Durable, commands: Mapping[int, Iterable[Command]]) -> None:
        silent = self._durables.tell(durable, commands)
        if silent:
            self._bells.ring(silent)
