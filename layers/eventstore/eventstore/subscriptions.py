"""Connections, and what they subscribe to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore.filters import Filter, parse_filters
from eventstore.groups import Rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.cloudevents.event import AttributeValue

__all__ = ["BARE", "EVENTSTORE", "Connection", "Durable", "Subscription", "version_tag"]

EVENTSTORE = "eventstore.v1"
"""The subprotocol of messages with actions and types (docs/protocol.md)."""

BARE = "cloudevents.json"
"""The subprotocol whose messages are bare CloudEvents."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A client's connection.

    Attributes:
        id: As API Gateway gives it.
        protocol: `EVENTSTORE` or `BARE`.
        opened: When it was made, in milliseconds since 1970.
    """

    id: str
    protocol: str
    opened: int


@dataclass(frozen=True, slots=True)
class Subscription:
    """An ephemeral subscription: it belongs to a connection and ends with it.

    Attributes:
        key: Never used twice, so what was written for one is never taken for another's.
        connection: Its connection's id.
        id: As the client named it.
        filter: Which events.
        streams: Of these streams; none means all.
        bare: Its frames are single CloudEvents.
        opened: When its connection was made, if frames may come before the connection can take them; 0 otherwise.
    """

    key: str
    connection: str
    id: str
    filter: Filter
    streams: tuple[str, ...] = ()
    bare: bool = False
    opened: int = 0

    def matches(self, stream: str, attributes: Mapping[str, AttributeValue]) -> bool:
        """Whether the event is one of the subscription's."""
        return (not self.streams or stream in self.streams) and self.filter.matches(attributes)

    def concerns(self, stream: str) -> bool:
        """Whether it could want an event of this stream: of others it is not even told that something is missing."""
        return (not self.streams or stream in self.streams) and self.filter.may_want(stream)

    def encoded(self) -> str:
        """What `decoded` reads back."""
        filters = json.loads(self.filter.text)
        members = [self.connection, self.id, filters, self.streams, int(self.bare), self.opened]
        return json.dumps(members, separators=(",", ":"))

    @classmethod
    def decoded(cls, key: str, text: str) -> Subscription:
        """The subscription that was encoded."""
        connection, own_id, filters, streams, bare, opened = json.loads(text)
        return cls(key, connection, own_id, parse_filters(filters), tuple(streams), bool(bare), opened)


@dataclass(frozen=True, slots=True)
class Durable:
    """A durable subscription: it has a name, and outlives connections.

    Attributes:
        key: Never used twice, as in `Subscription`.
        name: As its creator named it.
        filter: Which events.
        streams: Of these streams; none means all.
        rules: How its members are treated.
        created: In milliseconds since 1970.
        version: Counts its definitions, from 1.
    """

    key: str
    name: str
    filter: Filter
    streams: tuple[str, ...] = ()
    rules: Rules = field(default=Rules())
    created: int = 0
    version: int = 1

    def matches(self, stream: str, attributes: Mapping[str, AttributeValue]) -> bool:
        """Whether the event is one of the subscription's."""
        return (not self.streams or stream in self.streams) and self.filter.matches(attributes)

    def concerns(self, stream: str) -> bool:
        """Whether it could want an event of this stream: of others it is not even told that something is missing."""
        return (not self.streams or stream in self.streams) and self.filter.may_want(stream)

    def encoded(self) -> str:
        """What `decoded` reads back."""
        rules = [self.rules.ack_deadline, self.rules.max_attempts, self.rules.max_in_flight]
        members = [self.key, self.name, json.loads(self.filter.text), self.streams, rules, self.created, self.version]
        return json.dumps(members, separators=(",", ":"))

    @classmethod
    def decoded(cls, text: str) -> Durable:
        """The subscription that was encoded; an older program wrote no version."""
        key, name, filters, streams, rules, created, *version = json.loads(text)
        return cls(key, name, parse_filters(filters), tuple(streams), Rules(*rules), created, *version)


def version_tag(durable: Durable) -> str:
    """What tells this definition from every other one, of whatever subscription of its name."""
    return f"{durable.version}.{durable.key}"
