"""Who is connected, and what they subscribed to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.positions import Position
    from eventstore.subscriptions import Connection, Subscription

__all__ = ["Registry", "Start", "Started"]


class Start(Enum):
    """Where a subscription starts in a partition, unless at a position."""

    NOW = "now"
    OLDEST = "oldest"


@dataclass(frozen=True, slots=True)
class Started:
    """Where a subscription starts in a partition.

    Attributes:
        epoch: The partition's.
        position: What comes behind it is the subscription's.
        removals: How many removals of events the partition had seen by then (`Missing.serial`).
    """

    epoch: str
    position: Position
    removals: int


class Registry(Protocol):
    """Connections and their subscriptions."""

    def connect(self, connection: Connection) -> None:
        """Take in a connection."""

    def connection(self, connection_id: str) -> Connection | None:
        """The connection, unless it is gone."""

    def subscribe(self, subscription: Subscription, starts: Mapping[int, Position | Start]) -> Mapping[int, Started]:
        """Start a subscription in each of the partitions; from then on each partition's turns carry it on.

        Raises:
            SubscriptionConflict: The connection has, or had, a subscription of this id.
            TooManySubscriptions: The connection has as many as it may have.
            ConnectionNotFound: The connection is gone.
        """

    def join(self, connection_id: str, subscription_id: str, durable: str) -> None:
        """Note that a connection takes part in a durable subscription; raises as `subscribe` does.

        Noting the same again changes nothing: who was not answered may ask once more.
        """

    def joined(self, connection_id: str, subscription_id: str) -> str | None:
        """The durable subscription that a connection calls so; None if there is none."""

    def heard_from(self, connection_id: str, subscription_id: str) -> str | None:
        """As `joined`, and a note that the connection is at work on what it was sent."""

    def silence(self, connection_id: str) -> int | None:
        """For how many milliseconds nobody was `heard_from` at this connection; None if nobody ever was."""

    def unsubscribe(self, connection_id: str, subscription_id: str) -> None:
        """End a subscription; a durable one is to be left before. Raises `SubscriptionNotFound`."""

    def disconnect(self, connection_id: str) -> Sequence[str]:
        """Forget a connection and its subscriptions; answers the durable ones that are to be left.

        What is to be left is answered again until the connection is forgotten. One that is gone already stays so.
        """

    def forget(self, connection_id: str) -> None:
        """Drop what is still known of a connection that was disconnected, once its durable subscriptions are left."""

    def expired_connections(self, *, before: int, count: int) -> Sequence[str]:
        """Up to `count` connections that were made before a time in milliseconds, the oldest first."""
