"""Connections of clients, and their subscriptions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.positions import Epoch, Position
    from eventstore.streams import DurableName, StreamName
    from eventstore.subscriptions import Connection, ConnectionId, Subscription, SubscriptionId, SubscriptionKey

__all__ = [
    "FIRST_LISTED",
    "ConnectionRecord",
    "EphemeralRecord",
    "EphemeralSubscriptions",
    "ListedConnection",
    "Registry",
    "Start",
    "Started",
]


class Start(Enum):
    """Where a subscription starts in a partition, if not after a position: at the next event, or the oldest one."""

    NOW = "now"
    OLDEST = "oldest"


@dataclass(frozen=True, slots=True)
class Started:
    """Where a subscription started in a partition.

    Attributes:
        epoch: The epoch of the partition.
        position: The subscription receives the matching events after it.
        removals: The removal serial of the partition at that time (`Missing.serial`).
    """

    epoch: Epoch
    position: Position
    removals: int


class ListedConnection(NamedTuple):
    """A connection in the list of all connections, which is sorted by these members.

    Attributes:
        opened: As in `Connection`.
        id: The id of the connection.
    """

    opened: int
    id: ConnectionId


# A cast, for a cold start of REST needs nothing else of `subscriptions`.
FIRST_LISTED = ListedConnection(0, cast("ConnectionId", ""))
"""Comes before every connection."""


@dataclass(frozen=True, slots=True)
class EphemeralRecord:
    """An ephemeral subscription of a connection, as it is stored.

    Attributes:
        id: The id that the client chose.
        filters: The filters in JSON (`Filter.text`).
        streams: As in `Subscription`.
        frames: Per partition, the number of the last frame. Partitions that have sent no frame are left out.
    """

    id: SubscriptionId
    filters: str
    streams: tuple[StreamName, ...]
    frames: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class ConnectionRecord:
    """A connection and its active subscriptions.

    Attributes:
        connection: The connection.
        ephemeral: Its ephemeral subscriptions, sorted by their ids.
        joined: The names of the durable subscriptions that it joined, by the ids that the client chose; sorted.
    """

    connection: Connection
    ephemeral: Sequence[EphemeralRecord]
    joined: Mapping[SubscriptionId, DurableName]


class EphemeralSubscriptions(Protocol):
    """Starts and ends ephemeral subscriptions, for whoever delivers to them.

    Attributes:
        stores_definitions: Whether they are stored with their partitions. If not, the registry keeps the definitions.
    """

    stores_definitions: bool

    def start(self, subscription: Subscription, starts: Mapping[int, Position | Start]) -> Mapping[int, Started]:
        """Start a subscription; see `Registry.subscribe`."""

    def end(self, key: SubscriptionKey, partitions: Iterable[int], terms: Sequence[str]) -> None:
        """End a subscription. Repeating the call changes nothing.

        Args:
            key: Its key.
            partitions: The partitions that it concerns.
            terms: Its index terms.
        """

    def frames_of(self, key: SubscriptionKey) -> Mapping[int, int]:
        """Return the number of the last frame of a subscription, per partition; empty where that is stored."""


class Registry(Protocol):
    """Stores connections and their subscriptions.

    Every method raises `StoreUnavailable` if the store does not answer. A subscription id can be used once per
    connection.
    """

    def connect(self, connection: Connection) -> None:
        """Register a connection."""

    def connection(self, connection_id: ConnectionId) -> Connection | None:
        """Return a registered connection; None if it is gone."""

    def listed(self, *, after: ListedConnection, count: int) -> Sequence[ListedConnection]:
        """Return connections in the order in which they were opened, those of one millisecond by their ids.

        Args:
            after: Only connections after this one, which may be gone.
            count: The maximum number of connections.
        """

    def records(self, connection_ids: Sequence[ConnectionId]) -> Sequence[ConnectionRecord]:
        """Return the connections that are registered, each with its active subscriptions, in the order of the ids."""

    def subscribe(self, subscription: Subscription, starts: Mapping[int, Position | Start]) -> Mapping[int, Started]:
        """Start a subscription. From then on, the turns of each partition deliver to it.

        Args:
            subscription: The subscription of a registered connection.
            starts: Per partition concerned, where the subscription starts.

        Returns:
            Per partition, where it started.

        Raises:
            SubscriptionConflict: The connection has, or had, a subscription of this id.
            TooManySubscriptions: The connection has the maximum number of subscriptions.
            ConnectionNotFound: The connection is gone.
        """

    def join(self, connection_id: ConnectionId, subscription_id: SubscriptionId, durable: DurableName) -> None:
        """Record that a connection is a member of a durable subscription. Repeating the call changes nothing.

        Args:
            connection_id: The id of the connection.
            subscription_id: The id that the client uses for the subscription.
            durable: The name of the durable subscription.

        Raises:
            SubscriptionConflict, TooManySubscriptions, ConnectionNotFound: See `subscribe`.
        """

    def joined(self, connection_id: ConnectionId, subscription_id: SubscriptionId) -> DurableName | None:
        """Return the name of the durable subscription that a connection joined.

        Args:
            connection_id: The id of the connection.
            subscription_id: The id that the client uses for the subscription.

        Returns:
            The name; None if the connection has no durable subscription of this id.
        """

    def heard_from(self, connection_id: ConnectionId, subscription_id: SubscriptionId) -> DurableName | None:
        """Record that a member responded to its events now, and return what `joined` returns.

        Args:
            connection_id: The id of the connection.
            subscription_id: The id that the client uses for the subscription.
        """

    def silence(self, connection_id: ConnectionId) -> int | None:
        """Return the milliseconds since the last `heard_from` of a connection; None if there was none."""

    def unsubscribe(self, connection_id: ConnectionId, subscription_id: SubscriptionId) -> None:
        """End a subscription. The caller leaves a durable subscription before.

        Args:
            connection_id: The id of the connection.
            subscription_id: The id of the subscription.

        Raises:
            SubscriptionNotFound: The connection has no subscription of this id.
        """

    def disconnect(self, connection_id: ConnectionId) -> Sequence[DurableName] | None:
        """Remove a connection and its ephemeral subscriptions. Repeating the call changes nothing.

        Returns:
            The names of the durable subscriptions that the caller is to leave. They are returned again until the
            caller calls `forget`; if there are none, the connection is forgotten at once. None if the connection is
            not known: it was forgotten, or lost with the store.
        """

    def forget(self, connection_id: ConnectionId) -> None:
        """Remove the last record of a disconnected connection, after its durable subscriptions were left."""

    def expired_connections(self, *, before: int, count: int) -> Sequence[ConnectionId]:
        """Return the ids of the oldest connections.

        Args:
            before: Only connections that were opened before this time, in milliseconds since 1970.
            count: The maximum number of ids.
        """
