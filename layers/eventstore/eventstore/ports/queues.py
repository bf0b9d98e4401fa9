"""Messages from one function to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eventstore.frames.frame import Delivery
    from eventstore.groups import Member
    from eventstore.streams import DurableName
    from eventstore.subscriptions import Connection, ConnectionId

__all__ = ["Deliveries", "DispatchQueue"]


class DispatchQueue(Protocol):
    """Sends work to `dispatch`. Every method raises `QueueUnavailable` if the queue does not accept a message."""

    def request_turns(self, partitions: Iterable[int]) -> None:
        """Request a turn of each partition, as soon as possible. Turns of one partition never overlap."""

    def request_turn_later(self, partition: int, *, seconds: float) -> None:
        """Request a turn of a partition after a delay.

        Args:
            partition: The partition's number.
            seconds: The delay, at most 900; rounded up to whole seconds.
        """

    def connection_closed(self, connection: ConnectionId) -> None:
        """Request the removal of a closed connection and its subscriptions."""

    def close_connection(self, connection: Connection) -> None:
        """Request that a connection is removed and closed, and that its client is notified.

        Args:
            connection: The connection. It may be removed before the request is handled.
        """

    def subscription_deleted(self, name: DurableName, members: Iterable[Member]) -> None:
        """Request that members are notified that their durable subscription was deleted.

        Args:
            name: The name of the subscription.
            members: Its members when it was deleted.
        """


class Deliveries(Protocol):
    """Sends messages for clients to `deliver`."""

    def send(self, deliveries: Sequence[Delivery]) -> None:
        """Send deliveries. Those of one shard are delivered in this order, after all that were sent before.

        Raises:
            QueueUnavailable: Not all deliveries were sent. The sent deliveries of each shard precede the unsent ones.
        """
