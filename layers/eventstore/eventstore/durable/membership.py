"""The members' use cases of durable subscriptions: join, acknowledge, leave. Turns of partitions apply the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.access import Scope
from eventstore.durable.lookup import durable_in_reach, durables_in_order
from eventstore.errors import (
    ConnectionNotFound,
    InvalidCursor,
    InvalidRequest,
    StoreUnavailable,
    SubscriptionHasTarget,
    SubscriptionNotFound,
)
from eventstore.groups import Ack, Join, Leave, Release
from eventstore.positions import Cursor
from eventstore.streams import DurableName, partition_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.access import Access
    from eventstore.groups import AckStream, Command, Nack
    from eventstore.ports import Durables, Registry, Wakeups
    from eventstore.subscriptions import ConnectionId, Durable, SubscriptionId

__all__ = ["Members"]


class Members:
    """Lets connections take part in durable subscriptions.

    Args:
        durables: Holds the subscriptions.
        registry: Holds the connections and what they joined.
        wakeups: Starts the turns that apply commands.
    """

    def __init__(self, durables: Durables, registry: Registry, wakeups: Wakeups) -> None:
        self._durables = durables
        self._registry = registry
        self._wakeups = wakeups

    def join(
        self, connection: ConnectionId, own_id: SubscriptionId, name: DurableName, *, access: Access
    ) -> tuple[Durable, Sequence[int]]:
        """Join a connection to a durable subscription.

        If the subscription is deleted and another is created under its name meanwhile, that one is not joined.

        Args:
            connection: The connection's id.
            own_id: The connection's own id for the subscription.
            name: The subscription's name.
            access: The caller's access; it needs the scope `subscribe`, and must cover the subscription.

        Returns:
            The subscription, and the partitions that it concerns.

        Raises:
            Forbidden: The access has not the scope.
            SubscriptionNotFound: There is none of this name, or the access does not cover it.
            SubscriptionHasTarget: Its events are pushed to a target.
            StoreUnavailable: It is being created or deleted, or the call that did so died: some partitions lack it.
            SubscriptionConflict, TooManySubscriptions, ConnectionNotFound: See `Registry.join`.
        """
        access.require(Scope.SUBSCRIBE)
        durable = durable_in_reach(self._durables, name, access)
        if durable.target is not None:
            raise SubscriptionHasTarget(name)
        # Where a partition has no group, the `Join` would be dropped, and nobody would send it again.
        if not self._durables.has_groups(durable):
            raise StoreUnavailable(
                f"the durable subscription {name} is being created or deleted; try again. If this lasts, the call was "
                "cut off: repeat it"
            )
        self._registry.join(connection, own_id, name)
        partitions = self._durables.partitions(durable)
        self._enqueue(durable, dict.fromkeys(partitions, (Join(connection, own_id),)))
        # If the connection was closed meanwhile, its `Leave` may have been enqueued before this `Join`.
        if self._is_removed(connection):
            self.leave(connection, [name])
        # If the subscription got a target meanwhile, the check of its members may have missed this one.
        if any(current.key == durable.key and current.target for current in self._durables.definitions([name])):
            self.unsubscribe(connection, own_id)
            raise SubscriptionHasTarget(name)
        return durable, partitions

    def leave(self, connection: ConnectionId, names: Iterable[DurableName], *, orderly: bool = False) -> None:
        """Remove a connection from durable subscriptions.

        Args:
            connection: The connection's id.
            names: The names of the subscriptions. Those that were deleted are skipped.
            orderly: As in `groups.Leave`.
        """
        for name in names:
            try:
                durable = self._durables.get(name)
            except SubscriptionNotFound:
                continue
            self._enqueue(durable, dict.fromkeys(self._durables.partitions(durable), (Leave(connection, orderly),)))

    def unsubscribe(self, connection: ConnectionId, own_id: SubscriptionId) -> None:
        """End a subscription of a connection, durable or not. If the process crashes in between, call it again.

        Args:
            connection: The connection's id.
            own_id: The connection's own id for the subscription.

        Raises:
            ConnectionNotFound: The connection was removed.
            SubscriptionNotFound: The connection has none of this id.
        """
        if name := self._registry.joined(connection, own_id):
            self.leave(connection, [name], orderly=True)
        try:
            self._registry.unsubscribe(connection, own_id)
        except SubscriptionNotFound:
            if self._is_removed(connection):
                raise ConnectionNotFound from None
            raise

    def disconnect(self, connection: ConnectionId, *, orderly: bool = False) -> None:
        """Remove a connection and its subscriptions. If the process crashes in between, call it again.

        Args:
            connection: The connection's id.
            orderly: As in `groups.Leave`: also if the hub is why it ended.
        """
        names = self._registry.disconnect(connection)
        if names is None:
            self._expel(connection)
        elif names:
            self.leave(connection, names, orderly=orderly)
            self._registry.forget(connection)

    def _expel(self, connection: ConnectionId) -> None:
        """Remove a connection from the groups that have it as a member, although the registry does not know it.

        After the store was lost, a journal has the groups with their members of that time, but no connections. Nothing
        that these members had was their fault.
        """
        for durable in durables_in_order(self._durables):
            groups = self._durables.groups(durable).items()
            having = [p for p, group in groups if any(member.connection == connection for member in group.members)]
            if having:
                self._enqueue(durable, dict.fromkeys(having, (Leave(connection, orderly=True),)))

    def acknowledge(
        self, connection: ConnectionId, own_id: SubscriptionId, cursors: Sequence[str], *, access: Access
    ) -> None:
        """Acknowledge all events that were sent up to cursors.

        Args:
            connection: The connection's id.
            own_id: The connection's own id for the subscription.
            cursors: Cursors of frames; each may consist of several, joined by a period.
            access: The caller's access.

        Raises:
            Forbidden: The access has not the scope `subscribe`.
            InvalidCursor: A cursor is invalid, or names a partition that the subscription does not concern.
        """
        access.require(Scope.SUBSCRIBE)
        durable = self._joined_durable(connection, own_id)
        acks: dict[int, Ack] = {}
        for cursor in (Cursor.parse(part) for token in cursors for part in token.split(".")):
            for partition, (epoch, position) in cursor.places.items():
                ack = Ack(connection, position, epoch, cursor.frames.get(partition, 0))
                known = acks.get(partition)
                # The newest frame of each partition counts, for it has the last position. Of different epochs, the
                # later cursor counts.
                if known is None or known.epoch != epoch or (known.frame, known.position) <= (ack.frame, position):
                    acks[partition] = ack
        if foreign := sorted(acks.keys() - set(self._durables.partitions(durable))):
            raise InvalidCursor(
                f"the cursor names partition {foreign[0]}, which does not concern the subscription {own_id!r}; "
                "acknowledge with the cursors of its frames",
                pointer="cursor",
            )
        self._enqueue(durable, {partition: (ack,) for partition, ack in acks.items()})

    def acknowledge_stream(self, own_id: SubscriptionId, ack: AckStream, *, access: Access) -> None:
        """Acknowledge all events of a stream up to a sequence.

        Args:
            own_id: The connection's own id for the subscription.
            ack: The acknowledgement.
            access: The caller's access.

        Raises:
            Forbidden: The access has not the scope `subscribe`.
        """
        self._enqueue_for_stream(own_id, ack, access)

    def fail(self, own_id: SubscriptionId, nack: Nack, *, access: Access) -> None:
        """Report that an event could not be handled.

        Args:
            own_id: The connection's own id for the subscription.
            nack: The event, and what to do with it.
            access: The caller's access.

        Raises:
            Forbidden: The access has not the scope `subscribe`.
        """
        self._enqueue_for_stream(own_id, nack, access)

    def release(
        self, connection: ConnectionId, own_id: SubscriptionId, partition: int, *, access: Access, frame: int = 0
    ) -> None:
        """Release a partition that was revoked from a connection.

        Args:
            connection: The connection's id.
            own_id: The connection's own id for the subscription.
            partition: The number of the partition that was revoked.
            access: The caller's access; it needs the scope `subscribe`.
            frame: As in `groups.Release`.

        Raises:
            Forbidden: The access has not the scope.
            InvalidRequest: The partition does not concern the subscription.
        """
        access.require(Scope.SUBSCRIBE)
        durable = self._joined_durable(connection, own_id)
        if partition not in self._durables.partitions(durable):
            raise InvalidRequest(
                f"partition {partition} does not concern the subscription {own_id!r}; "
                "release a partition that was revoked from it",
                pointer="/partition",
            )
        self._enqueue(durable, {partition: (Release(connection, frame),)})

    def _joined_durable(self, connection: ConnectionId, own_id: SubscriptionId) -> Durable:
        """Return the durable subscription that a connection has joined, and record that the connection is active."""
        name = self._registry.heard_from(connection, own_id)
        if name is None:
            if self._is_removed(connection):
                raise ConnectionNotFound
            raise SubscriptionNotFound(own_id)
        return self._durables.get(name)

    def _is_removed(self, connection: ConnectionId) -> bool:
        """Return whether the store knows a connection no more: an operator, or another instance, may have removed it.

        `Registry.connection` may answer for a connection that is open, whatever the store knows.
        """
        return not self._registry.records([connection])

    def _enqueue_for_stream(self, own_id: SubscriptionId, command: AckStream | Nack, access: Access) -> None:
        access.require(Scope.SUBSCRIBE)
        durable = self._joined_durable(command.connection, own_id)
        self._enqueue(durable, {partition_of(command.stream, self._durables.count): (command,)})

    def _enqueue(self, durable: Durable, commands: Mapping[int, Iterable[Command]]) -> None:
        self._wakeups.notify(self._durables.enqueue(durable, commands))
