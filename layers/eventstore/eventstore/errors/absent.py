"""Errors of a request for something that does not exist."""

from __future__ import annotations

from eventstore.errors.base import EventstoreError

__all__ = [
    "Absent",
    "ConnectionNotFound",
    "EventNotFound",
    "FilterNotFound",
    "NewEpoch",
    "NothingParked",
    "SchemaNotFound",
    "StreamGone",
    "StreamNotFound",
    "SubscriptionNotFound",
]


class Absent(EventstoreError):
    """The requested resource does not exist."""

    code = "absent"


class StreamNotFound(Absent):
    """The stream was not created, and no event was ever published to it."""

    code = "stream-not-found"

    def __init__(self, stream: str) -> None:
        super().__init__(f"stream {stream!r} does not exist; publishing to it creates it")


class EventNotFound(Absent):
    """No event has the id, or the event was removed."""

    code = "event-not-found"

    def __init__(self, event_id: str) -> None:
        super().__init__(
            f"event {event_id!r} does not exist; it was never stored, or retention or a deletion removed it"
        )


class StreamGone(Absent):
    """The stream was permanently deleted."""

    code = "stream-gone"

    def __init__(self, stream: str) -> None:
        super().__init__(f"stream {stream!r} was permanently deleted and accepts no events; use another name")


class SubscriptionNotFound(Absent):
    """The connection has no such subscription, or no `durable` one has this name; or it has ended."""

    code = "subscription-not-found"

    def __init__(self, subscription: str, *, durable: bool = False) -> None:
        super().__init__(
            f"durable subscription {subscription[:200]!r} does not exist; create it with POST /api/v1/subscriptions"
            if durable
            else f"subscription {subscription!r} does not exist on this connection"
        )


class FilterNotFound(Absent):
    """No named filter has this name."""

    code = "filter-not-found"

    def __init__(self, name: str) -> None:
        super().__init__(f"filter {name[:200]!r} does not exist; create it with PUT /api/v1/filters/{{name}}")


class SchemaNotFound(Absent):
    """No schema is stored for this event type, and the catalogue has none, or it cannot be deleted."""

    code = "schema-not-found"

    def __init__(self, name: str) -> None:
        super().__init__(f"no schema is stored for {name[:200]!r}; store one with PUT /api/v1/schemas/{{type}}")


class NothingParked(Absent):
    """The durable subscription has nothing parked, or not for this stream."""

    code = "nothing-parked"

    def __init__(self, name: str, stream: str | None) -> None:
        fact = f"stream {stream!r} is not parked" if stream else "nothing is parked"
        super().__init__(f"{fact} for subscription {name!r}; GET /api/v1/dead-letters lists parked streams")


class ConnectionNotFound(Absent):
    """The connection is closed or unknown: the client's own, or the one that a caller names."""

    code = "connection-not-found"

    def __init__(self, connection: str | None = None) -> None:
        super().__init__(
            "this connection is closed or unknown; connect again and resume from your cursors"
            if connection is None
            else f"connection {connection[:200]!r} is not open; GET /api/v1/connections lists open connections"
        )


class NewEpoch(Absent):
    """The store, or the partitions that the cursor covers, were reset since the cursor was returned."""

    code = "new-epoch"

    def __init__(self) -> None:
        super().__init__("the store was reset since this cursor was returned; start over without the cursor")
