"""Taking part in durable subscriptions: joining, acknowledging, leaving. The turns of partitions do the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.access import Scope
from eventstore.durable.lookup import durable_in_reach
from eventstore.errors import InvalidCursor, InvalidRequest, SubscriptionNotFound
from eventstore.groups import Ack, Join, Leave, Release
from eventstore.positions import Cursor
from eventstore.streams import partition_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.access import Access
    from eventstore.groups import AckStream, Command, Nack
    from eventstore.ports import Durables, Registry, Wakeups
    from eventstore.subscriptions import Durable

__all__ = ["Members"]


class Members:
    """What connections do with the durable subscriptions that they share."""

    def __init__(self, durables: Durables, registry: Registry, wakeups: Wakeups) -> None:
        self._durables = durables
        self._registry = registry
        self._wakeups = wakeups

    def join(self, connection: str, own_id: str, name: str, *, access: Access) -> tuple[Durable, Sequence[int]]:
        """Let a connection take part in the durable subscription of a name.

        Another that gets its name meanwhile is not joined.

        Args:
            connection: Which one.
            own_id: What the connection calls the subscription.
            name: The subscription's name.
            access: The caller's; it needs the scope `subscribe`, and reach of all that the subscription concerns.

        Returns:
            The subscription, and the partitions that it concerns.

        Raises:
            Forbidden: The access has not the scope.
            SubscriptionNotFound: There is none of this name, or it is out of reach.
            SubscriptionConflict, TooManySubscriptions, ConnectionNotFound: As `Registry.join` says.
        """
        access.require(Scope.SUBSCRIBE)
        durable = durable_in_reach(self._durables, name, access)
        self._registry.join(connection, own_id, name)
        partitions = self._durables.partitions(durable)
        self._enqueue(durable, dict.fromkeys(partitions, (Join(connection, own_id),)))
        # Who ended the connection meanwhile may have told of it before.
        if self._registry.connection(connection) is None:
            self.leave(connection, [name])
        return durable, partitions

    def leave(self, connection: str, names: Iterable[str], *, orderly: bool = False) -> None:
        """Let a connection take part no more, in subscriptions that may have ended; `orderly` as in `groups.Leave`."""
        for name in names:
            try:
                durable = self._durables.get(name)
            except SubscriptionNotFound:
                continue
            self._enqueue(durable, dict.fromkeys(self._durables.partitions(durable), (Leave(connection, orderly),)))

    def unsubscribe(self, connection: str, own_id: str) -> None:
        """End a subscription of a connection, durable or not. Whoever dies in between leaves it to be done again.

        Raises:
            SubscriptionNotFound: The connection has none of this id.
        """
        if name := self._registry.joined(connection, own_id):
            self.leave(connection, [name], orderly=True)
        self._registry.unsubscribe(connection, own_id)

    def disconnect(self, connection: str) -> None:
        """Forget a connection and all that it had. Whoever dies in between leaves it to be done again."""
        if names := self._registry.disconnect(connection):
            self.leave(connection, names)
            self._registry.forget(connection)

    def acknowledge(self, connection: str, own_id: str, cursors: Sequence[str], *, access: Access) -> None:
        """All that was sent up to the cursors is handled.

        Raises:
            Forbidden: The access has not the scope `subscribe`.
            InvalidCursor: They are none, or of partitions that do not concern the subscription.
        """
        access.require(Scope.SUBSCRIBE)
        durable = self._of(connection, own_id)
        acks: dict[int, Ack] = {}
        for cursor in (Cursor.parse(part) for token in cursors for part in token.split(".")):
            for partition, (epoch, position) in cursor.places.items():
                ack = Ack(connection, position, epoch, cursor.frames.get(partition, 0))
                known = acks.get(partition)
                # Of each partition the newest frame counts: that is the furthest place. Where epochs differ, the later.
                if known is None or known.epoch != epoch or (known.frame, known.position) <= (ack.frame, position):
                    acks[partition] = ack
        if other := sorted(acks.keys() - set(self._durables.partitions(durable))):
            raise InvalidCursor(
                f"the cursor names partition {other[0]}, which does not concern the subscription {own_id!r}; "
                "acknowledge with the cursors of its frames",
                pointer="cursor",
            )
        self._enqueue(durable, {partition: (ack,) for partition, ack in acks.items()})

    def acknowledge_stream(self, own_id: str, ack: AckStream, *, access: Access) -> None:
        """All of a stream is handled, up to a sequence; raises `Forbidden` without the scope `subscribe`."""
        self._enqueue_of_stream(own_id, ack, access)

    def fail(self, own_id: str, nack: Nack, *, access: Access) -> None:
        """An event could not be handled; raises `Forbidden` without the scope `subscribe`."""
        self._enqueue_of_stream(own_id, nack, access)

    def release(self, connection: str, own_id: str, partition: int, *, access: Access, frame: int = 0) -> None:
        """The connection is done with a partition that was revoked.

        Args:
            connection: Which one.
            own_id: What it calls the subscription.
            partition: The one that was revoked.
            access: The caller's; it needs the scope `subscribe`.
            frame: As in `groups.Release`.

        Raises:
            Forbidden: The access has not the scope.
            InvalidRequest: The partition does not concern the subscription.
        """
        access.require(Scope.SUBSCRIBE)
        durable = self._of(connection, own_id)
        if partition not in self._durables.partitions(durable):
            raise InvalidRequest(
                f"partition {partition} does not concern the subscription {own_id!r}; "
                "release one that it was told to be revoked",
                pointer="/partition",
            )
        self._enqueue(durable, {partition: (Release(connection, frame),)})

    def _of(self, connection: str, own_id: str) -> Durable:
        name = self._registry.heard_from(connection, own_id)
        if name is None:
            raise SubscriptionNotFound(own_id)
        return self._durables.get(name)

    def _enqueue_of_stream(self, own_id: str, command: AckStream | Nack, access: Access) -> None:
        access.require(Scope.SUBSCRIBE)
        durable = self._of(command.connection, own_id)
        self._enqueue(durable, {partition_of(command.stream, self._durables.count): (command,)})

    def _enqueue(self, durable: Durable, commands: Mapping[int, Iterable[Command]]) -> None:
        self._wakeups.notify(self._durables.enqueue(durable, commands))
