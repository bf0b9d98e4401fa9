"""The operators' use cases of connections: list who is connected, and close a connection."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore.access import Scope
from eventstore.errors import ConnectionNotFound
from eventstore.groups import Member
from eventstore.ports import FIRST_LISTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from eventstore.access import Access
    from eventstore.durable.membership import Members
    from eventstore.ports import ConnectionRecord, DispatchQueue, Durables, EphemeralRecord, ListedConnection, Registry
    from eventstore.streams import DurableName
    from eventstore.subscriptions import Connection, ConnectionId, Durable, SubscriptionId

__all__ = ["ConnectionPage", "ConnectionStatus", "Membership", "OpenConnections"]

_BATCH = 100
"""How many connections are read in one step."""


@dataclass(frozen=True, slots=True)
class Membership:
    """A connection's part in a durable subscription.

    Attributes:
        id: The id that the client chose.
        durable: The name of the durable subscription.
        in_flight: The number of events that the connection was sent and has not acknowledged.
        frames: Per partition that it owns, the number of the last frame.
    """

    id: SubscriptionId
    durable: DurableName
    in_flight: int
    frames: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """A connection, and what it receives.

    Attributes:
        connection: The connection.
        ephemeral: Its ephemeral subscriptions.
        memberships: Its part in durable subscriptions.
    """

    connection: Connection
    ephemeral: Sequence[EphemeralRecord]
    memberships: Sequence[Membership]

    @property
    def in_flight(self) -> int:
        """As in `Membership`, of all durable subscriptions."""
        return sum(membership.in_flight for membership in self.memberships)


@dataclass(frozen=True, slots=True)
class ConnectionPage:
    """A page of the list of connections.

    Attributes:
        connections: The connections, in the order in which they were opened.
        next: After which connection the next page starts; None if this is the last page.
    """

    connections: Sequence[ConnectionStatus]
    next: ListedConnection | None


@dataclass(slots=True)
class _Share:
    """What a member has of a durable subscription."""

    in_flight: int = 0
    frames: dict[int, int] = field(default_factory=dict)


class OpenConnections:
    """Lists and closes connections. A caller needs the scope `admin`, and only sees those that its access includes.

    Args:
        registry: Holds the connections.
        durables: Holds the durable subscriptions that connections take part in.
        members: Removes connections.
        dispatch_queue: Receives the request to close a connection.
    """

    def __init__(self, registry: Registry, durables: Durables, members: Members, dispatch_queue: DispatchQueue) -> None:
        self._registry = registry
        self._durables = durables
        self._members = members
        self._dispatch_queue = dispatch_queue

    def list(
        self,
        *,
        access: Access,
        after: ListedConnection = FIRST_LISTED,
        count: int,
        may_go_on: Callable[[], bool],
    ) -> ConnectionPage:
        """Return a page of the connections, in the order in which they were opened.

        Args:
            access: The caller's access.
            after: The connection after which the page starts.
            count: The most connections to return.
            may_go_on: Returns whether there is time for another step; if not, the page may be short.

        Raises:
            Forbidden: The access has not the scope.
        """
        access.require(Scope.ADMIN)
        connections: list[ConnectionStatus] = []
        while True:
            batch = min(count - len(connections), _BATCH)
            listed = self._registry.listed(after=after, count=batch + 1)
            records = self._registry.records([connection.id for connection in listed[:batch]])
            connections += self._statuses([record for record in records if access.includes(record.connection)])
            if len(listed) <= batch:
                return ConnectionPage(connections, None)
            after = listed[batch - 1]
            if len(connections) == count or not may_go_on():
                return ConnectionPage(connections, after)

    def close(self, connection_id: ConnectionId, *, access: Access) -> None:
        """Close a connection: it gets no further frames, leaves its durable subscriptions, and its client is notified.

        Frames that were sent before may still arrive. The client may connect again. Once the request is enqueued, it is
        completed even if this process crashes.

        Args:
            connection_id: The id of the connection.
            access: The caller's access.

        Raises:
            Forbidden: The access has not the scope.
            ConnectionNotFound: There is none of this id, or the access does not include it.
            QueueUnavailable: Nothing is changed.
        """
        access.require(Scope.ADMIN)
        connection = self._registry.connection(connection_id)
        if connection is None or not access.includes(connection):
            raise ConnectionNotFound(connection_id)
        # Requested first: whoever handles the request removes the connection, too, if this process does not come to it.
        self._dispatch_queue.close_connection(connection)
        self._members.disconnect(connection_id)

    def _statuses(self, records: Sequence[ConnectionRecord]) -> Iterable[ConnectionStatus]:
        names = list(dict.fromkeys(name for record in records for name in record.joined.values()))
        shares = {durable.name: self._shares_of(durable) for durable in self._durables.definitions(names)}
        for record in records:
            memberships = []
            for own_id, name in record.joined.items():
                # Nothing, if the subscription was deleted, or the connection owns no partition.
                share = shares.get(name, {}).get(Member(record.connection.id, own_id), _Share())
                memberships.append(Membership(own_id, name, share.in_flight, share.frames))
            yield ConnectionStatus(record.connection, record.ephemeral, memberships)

    def _shares_of(self, durable: Durable) -> Mapping[Member, _Share]:
        """Return what each member of a durable subscription has of it."""
        shares: dict[Member, _Share] = defaultdict(_Share)
        for partition, group in self._durables.groups(durable).items():
            if group.owner is not None:
                share = shares[group.owner]
                share.in_flight += group.in_flight
                share.frames[partition] = group.frame
        return shares
