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

    def leave(self, connection: str, names: Iterable[str], *, orderly: bool = False) -> None:
        """Let a connection take part no more, in subscriptions that may have ended; `orderly` as in `groups.Leave`."""
        for name in names:
            try:
                durable = self._durables.get(name)
            except SubscriptionNotFound:
                continue
            self._tell(durable, dict.fromkeys(self._durables.partitions(durable), (Leave(connection, orderly),)))

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

    def acknowledge(self, connection: str, own_id: str, cursors: Sequence[str]) -> None:
        """All that was sent up to the cursors is handled.

        Raises:
            InvalidCursor: They are none, or of partitions that do not concern the subscription.
        """
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
        self._tell(durable, {partition: (ack,) for partition, ack in acks.items()})

    def acknowledge_stream(self, connection: str, own_id: str, stream: str, sequence: int, *, frame: int = 0) -> None:
        """All of a stream is handled, up to a sequence; `frame` as in `groups.AckStream`."""
        self._tell_of_stream(connection, own_id, stream, AckStream(connection, stream, sequence, frame))

    def fail(self, own_id: str, nack: Nack) -> None:
        """An event could not be handled."""
        self._tell_of_stream(nack.connection, own_id, nack.stream, nack)

    def release(self, connection: str, own_id: str, partition: int, *, frame: int = 0) -> None:
        """The connection is done with a partition that was revoked; `frame` as in `groups.Release`.

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
        self._tell(durable, {partition: (Release(connection, frame),)})

    def _of(self, connection: str, own_id: str) -> Durable:
        name = self._registry.heard_from(connection, own_id)
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
