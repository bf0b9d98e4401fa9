"""The names of keys. The keys of a partition share the hash tag {p<number>}, so they are in one slot of a cluster.

The name of a stream comes after the tag and has no braces, so it cannot select the slot.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from eventstore.ports import InstanceId
    from eventstore.streams import DurableName, StreamName
    from eventstore.subscriptions import ConnectionId

__all__ = [
    "CONNECTIONS",
    "DURABLES",
    "FILTERS",
    "FILTER_NAMES",
    "INSTANCES",
    "SCHEMAS",
    "SCHEMA_NAMES",
    "DefinitionKeys",
    "GroupKeys",
    "PartitionKeys",
    "StreamKeys",
    "TurnKeys",
    "connection_key",
    "definition_keys",
    "durable_key",
    "filter_reference_key",
    "group_keys",
    "inbox_key",
    "partition_keys",
    "stream_keys",
    "turn_keys",
]


class PartitionKeys(NamedTuple):
    """The keys of a partition's streams and log; the Lua scripts document their contents."""

    partition: str
    log: str
    ids: str
    streams: str
    bell: str
    turn: str
    trimmed: str
    limits: str
    deleted: str
    blocks: str
    ended: str
    outcomes: str
    bodies: str


class StreamKeys(NamedTuple):
    """The keys of a stream; the Lua scripts document their contents."""

    events: str
    state: str
    digests: str


@cache
def partition_keys(partition: int) -> PartitionKeys:
    """Return the keys of a partition's streams and log."""
    return PartitionKeys(*(f"{{p{partition}}}:{name}" for name in PartitionKeys._fields))


@lru_cache(maxsize=4096)
def stream_keys(partition: int, stream: StreamName) -> StreamKeys:
    """Return the keys of a stream.

    Args:
        partition: The number of its partition.
        stream: Its name.
    """
    tag = f"{{p{partition}}}"
    return StreamKeys(*(f"{tag}:{name}:{stream}" for name in StreamKeys._fields))


class GroupKeys(NamedTuple):
    """The keys of what the index of a journal knows of the groups of a partition (lua/journal/start_group.lua)."""

    checkpoints: str
    defined: str


@cache
def group_keys(partition: int) -> GroupKeys:
    """Return the keys of what the index of a journal knows of the groups of a partition."""
    return GroupKeys(*(f"{{p{partition}}}:{name}" for name in GroupKeys._fields))


class DefinitionKeys(NamedTuple):
    """The keys of the definitions of a kind in the index of a journal (lua/journal/define.lua)."""

    definitions: str
    references: str
    names: str


@cache
def definition_keys(kind: str) -> DefinitionKeys:
    """Return the keys of the definitions of a kind, which are in the slot of the first partition."""
    return DefinitionKeys(*(f"{{p0}}:{kind}_{name}" for name in DefinitionKeys._fields))


class TurnKeys(NamedTuple):
    """The keys of a partition's turns and subscriptions; the Lua scripts document their contents."""

    turn: str
    subscriptions: str
    behind: str
    places: str
    frames: str
    terms: str
    inbox: str
    groups: str
    durables: str


@cache
def turn_keys(partition: int) -> TurnKeys:
    """Return the keys of a partition's turns and subscriptions."""
    return TurnKeys(*(f"{{p{partition}}}:{name}" for name in TurnKeys._fields))


def connection_key(connection: ConnectionId) -> str:
    """Return the key of a connection, which belongs to no partition."""
    return f"connection:{connection}"


def durable_key(name: DurableName) -> str:
    """Return the key of a durable subscription's definition, which belongs to no partition."""
    return f"durable:{name}"


def filter_reference_key(name: DurableName) -> str:
    """Return the key of a durable subscription's reference to a named filter, in the slot of its definition.

    Its hash tag is the whole key of the definition, so one script can change both. It is not part of the definition,
    because functions of earlier releases read the definition, and fail if it has more members than they know.
    """
    return f"durable:filter:{{{durable_key(name)}}}"


def inbox_key(instance: InstanceId) -> str:
    """Return the key of the messages to an instance of the server, which belongs to no partition."""
    return f"instance:{instance}"


DURABLES = "durables"
"""The sorted set of the names of all durable subscriptions."""

FILTERS = "{filters}:definitions"
"""The hash of all named filters, by their names."""

FILTER_NAMES = "{filters}:names"
"""The sorted set of the names of all named filters, in the slot of `FILTERS`."""

SCHEMAS = "{filters}:schemas"
"""The hash of the schemas that were stored for event types. Users of a store are granted the keys `{filters}:*`."""

SCHEMA_NAMES = "{filters}:schema_names"
"""The sorted set of the types that have a stored schema, in the slot of `SCHEMAS`."""

INSTANCES = "instances"
"""The sorted set of all instances of the server, by the time of their last heartbeat."""

CONNECTIONS = "connections"
"""The sorted set of the ids of all connections, by the time at which they were opened."""
