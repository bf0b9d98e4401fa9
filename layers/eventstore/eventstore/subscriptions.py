"""Connections and subscriptions as values."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from eventstore.cloudevents import recorded_attributes
from eventstore.filters import Filter, parse_filters
from eventstore.groups import DeliverySettings
from eventstore.groups.ids import ConnectionId, SubscriptionId, SubscriptionKey
from eventstore.streams import is_selected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.cloudevents.event import AttributeValue, RecordedEvent
    from eventstore.filters.named import FilterReference
    from eventstore.streams import DurableName, StreamName

__all__ = [
    "BARE",
    "EVENTSTORE",
    "GRPC",
    "Connection",
    "ConnectionId",
    "Durable",
    "Subscription",
    "SubscriptionId",
    "SubscriptionKey",
    "Target",
    "version_tag",
]

EVENTSTORE = "eventstore.v1"
"""The subprotocol of messages with actions and types (docs/protocol.md)."""

BARE = "cloudevents.json"
"""The subprotocol whose messages are bare CloudEvents."""


GRPC = "grpc"
"""In place of a subprotocol: a call of gRPC that subscribes, which counts as a connection (docs/grpc.md)."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A client's connection.

    Attributes:
        id: The id that API Gateway assigned, or the server.
        protocol: `EVENTSTORE`, `BARE` or `GRPC`.
        opened: When it was opened, in milliseconds since 1970.
        subject: The identity of the client (`Access.subject`); empty if no authorizer named one.
        tenants: As in `Access`, of the client's credential.
        prefixes: As in `Access`, of the client's credential.
    """

    id: ConnectionId
    protocol: str
    opened: int
    subject: str = ""
    tenants: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()


class _Selective:
    """What ephemeral and durable subscriptions have in common: the events that they receive.

    Attributes:
        filter: The filter that these events match.
        streams: The streams of these events; all streams but forks, if empty.
    """

    __slots__ = ()

    filter: Filter
    streams: tuple[StreamName, ...]

    def matches(self, stream: StreamName, attributes: Mapping[str, AttributeValue]) -> bool:
        """Whether the subscription receives an event.

        Args:
            stream: The stream of the event.
            attributes: Its attributes, those of the hub included.
        """
        return is_selected(stream, self.streams) and self.filter.matches(attributes)

    def selects(self, event: RecordedEvent) -> bool:
        """Whether the subscription receives an event. It is decoded only if there is a filter."""
        if self.filter.is_everything:
            return self.concerns(event.stream)
        return self.matches(event.stream, recorded_attributes(event))

    def concerns(self, stream: StreamName) -> bool:
        """Whether the subscription could receive events of a stream; losses of other streams are not reported to it."""
        return is_selected(stream, self.streams) and self.filter.may_want(stream)


@dataclass(frozen=True, slots=True)
class Subscription(_Selective):
    """An ephemeral subscription: it belongs to a connection and ends with it.

    Attributes:
        key: Never reused, so that stored data of an ended subscription never applies to another one.
        connection: The id of its connection.
        id: The id that the client chose.
        filter: The events that it receives.
        streams: The streams of these events; all streams but forks, if empty.
        bare: Whether its frames are single CloudEvents.
        opened: When its connection was opened, in milliseconds since 1970, if frames may be sent before the connection
            accepts them; 0 otherwise.
    """

    key: SubscriptionKey
    connection: ConnectionId
    id: SubscriptionId
    filter: Filter
    streams: tuple[StreamName, ...] = ()
    bare: bool = False
    opened: int = 0

    def encoded(self) -> str:
        """Return the text that `decoded` reads."""
        filters = json.loads(self.filter.text)
        members = [self.connection, self.id, filters, self.streams, int(self.bare), self.opened]
        return json.dumps(members, separators=(",", ":"))

    @classmethod
    def decoded(cls, key: SubscriptionKey, text: str) -> Subscription:
        """Return the subscription that was encoded.

        Args:
            key: Its key, which the text does not hold.
            text: The result of `encoded`.
        """
        connection, subscription_id, filters, streams, bare, opened = json.loads(text)
        return cls(key, connection, subscription_id, parse_filters(filters), tuple(streams), bool(bare), opened)


@dataclass(frozen=True, slots=True)
class Target:
    """Where the hub pushes the events of a durable subscription that has no members.

    Attributes:
        kind: `lambda`, `sqs`, `http` or `eventbridge`; `kafka` for the hub's own subscription (`hub.events_topic`).
        address: The name or ARN of the function, the URL of the queue, the URL, the name or ARN of the event bus, or
            the name of the topic.
        batch: The most events of one call.
        concurrency: How many streams of a partition are pushed side by side.
        mode: For `http`, the content mode of the CloudEvents HTTP binding: `structured` or `binary` for single events,
            `batched` for several. Empty for others.
        headers: For `http`, names and values of additional header fields. Values may be credentials.
        secret: For `http`, the name or ARN of the secret that requests are signed with; empty for none. The hub never
            stores the secret itself.
    """

    kind: str
    address: str
    batch: int = 1
    concurrency: int = 5
    mode: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    secret: str = ""

    def members(self) -> dict[str, Any]:
        """Return the members that `of_members` reads, as JSON values."""
        return asdict(self)

    @classmethod
    def of_members(cls, members: Mapping[str, Any]) -> Target:
        """Return the target that was encoded."""
        headers = tuple((name, value) for name, value in members["headers"])
        return cls(**{**members, "headers": headers})


@dataclass(frozen=True, slots=True)
class Durable(_Selective):
    """A durable subscription: it has a name, and outlives connections.

    Attributes:
        key: Never reused, as in `Subscription`.
        name: The name that its creator chose.
        filter: The events that it receives.
        streams: The streams of these events; all streams but forks, if empty.
        settings: The deadlines and limits of its members.
        created: When it was created, in milliseconds since 1970.
        version: The number of its definition, from 1; every change adds 1.
        target: Where its events are pushed; None if members receive them.
        reference: The named filter that it follows, which `filter` contains; None if it names none. Turns go by
            `filter` alone, so it is not part of the encoded definition.
    """

    key: SubscriptionKey
    name: DurableName
    filter: Filter
    streams: tuple[StreamName, ...] = ()
    settings: DeliverySettings = field(default=DeliverySettings())
    created: int = 0
    version: int = 1
    target: Target | None = None
    reference: FilterReference | None = None

    @property
    def own_filter(self) -> Filter:
        """The filter that it has itself, without that of the filter that it names."""
        return self.reference.own if self.reference else self.filter

    def encoded(self) -> str:
        """Return the text that `decoded` reads. Functions of earlier releases read it too, and know all its members."""
        settings = [self.settings.ack_deadline_ms, self.settings.max_attempts, self.settings.max_in_flight]
        members = [
            self.key,
            self.name,
            json.loads(self.filter.text),
            self.streams,
            settings,
            self.created,
            self.version,
        ]
        if self.target is not None:
            members.append({"target": self.target.members()})
        return json.dumps(members, separators=(",", ":"))

    @classmethod
    def decoded(cls, text: str) -> Durable:
        """Return the subscription that was encoded. A text of an earlier release has no version."""
        key, name, filters, streams, settings, created, *later = json.loads(text)
        version = later[0] if later else 1
        options: dict[str, Any] = later[1] if len(later) > 1 else {}
        target = Target.of_members(options["target"]) if "target" in options else None
        return cls(
            key, name, parse_filters(filters), tuple(streams), DeliverySettings(*settings), created, version, target
        )


def version_tag(durable: Durable) -> str:
    """Return a tag that no other definition has, of this or any other subscription of the same name."""
    return f"{durable.version}.{durable.key}"
