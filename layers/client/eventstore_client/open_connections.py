"""The connections of a hub's clients: listing and closing them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from eventstore_client.calls import Call, empty, listing, path_of
from eventstore_client.operations import Asynchronous, Blocking, listed, request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore_client.calls import Listing
    from eventstore_client.rest import Rest

__all__ = ["AsyncConnections", "ConnectionCalls", "ConnectionInfo", "ConnectionSubscription", "Connections"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSubscription:
    """A subscription of a connection, or its membership of a durable subscription.

    Attributes:
        id: The name that the client gave it.
        subscription: The durable subscription; None for a subscription of the connection itself.
        filters: The filters of a subscription of the connection itself, with the restriction of its credentials.
        streams: The streams of a subscription of the connection itself; empty for all.
        in_flight: The events that a member was sent and has not acknowledged.
        frames: The number of the last frame of each partition.
    """

    id: str
    subscription: str | None
    filters: tuple[Mapping[str, Any], ...]
    streams: tuple[str, ...]
    in_flight: int
    frames: Mapping[int, int]

    @classmethod
    def parse(cls, members: Mapping[str, Any]) -> ConnectionSubscription:
        """Parse a subscription that the hub sent."""
        return cls(
            id=members["id"],
            subscription=members.get("subscription"),
            filters=tuple(members.get("filters", ())),
            streams=tuple(members.get("stream", ())),
            in_flight=int(members.get("in_flight", 0)),
            frames=MappingProxyType({int(frame["partition"]): int(frame["frame"]) for frame in members["frames"]}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionInfo:
    """A client that is connected over WebSocket or gRPC.

    Attributes:
        id: The id of the connection.
        connected: When it was opened.
        protocol: The subprotocol, or `grpc`.
        in_flight: Events of durable subscriptions that it was sent and has not acknowledged.
        subscriptions: Its subscriptions, then its memberships of durable subscriptions.
        subject: The subject of its credentials; None if no authorizer decides.
        tenants: The tenants to which its credentials are limited.
        prefixes: The prefixes of streams to which its credentials are limited.
        raw: The connection as the hub sent it, with members that this version of the client does not know.
    """

    id: str
    connected: datetime
    protocol: str
    in_flight: int
    subscriptions: tuple[ConnectionSubscription, ...]
    subject: str | None
    tenants: tuple[str, ...]
    prefixes: tuple[str, ...]
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, members: Mapping[str, Any]) -> ConnectionInfo:
        """Parse a connection that the hub sent.

        Raises:
            KeyError, ValueError, TypeError: It is not a connection.
        """
        return cls(
            id=members["id"],
            connected=datetime.fromisoformat(members["connected"]),
            protocol=members["protocol"],
            in_flight=int(members["in_flight"]),
            subscriptions=tuple(map(ConnectionSubscription.parse, members["subscriptions"])),
            subject=members.get("subject"),
            tenants=tuple(members.get("tenants", ())),
            prefixes=tuple(members.get("prefixes", ())),
            raw=members,
        )


class ConnectionCalls:
    """The operations of `Connections` and `AsyncConnections`."""

    __slots__ = ()

    @listed
    def list(self, *, page: int = 100) -> Call[Listing[ConnectionInfo]]:
        """Iterate over the connections, oldest first, fetching a page whenever the last one is used up.

        Args:
            page: Connections per request, 1 to 1,000.
        """
        query = {"limit": page}
        return listing(path_of("connections"), "connections", ConnectionInfo.parse, query=query)

    @request
    def close(self, connection: str) -> Call[None]:
        """Close a connection. Its client is notified, and may connect again.

        Raises:
            NotFound: There is no such connection.
        """
        path = path_of("connections", connection)
        return Call(method="DELETE", path=path, parse=empty, already_done=lambda: None)


@dataclass(frozen=True, slots=True)
class Connections(ConnectionCalls, Blocking):
    """The connections of one hub's clients (`EventStore.open_connections`)."""

    _rest: Rest


@dataclass(frozen=True, slots=True)
class AsyncConnections(ConnectionCalls, Asynchronous):
    """The connections of one hub's clients (`AsyncEventStore.open_connections`)."""

    _rest: Rest
