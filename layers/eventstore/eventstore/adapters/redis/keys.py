"""The names of keys. All of a partition's share the hash tag {p<number>}, hence one slot of a cluster.

A stream's name stands behind the tag and has no braces, so it cannot choose the slot.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import NamedTuple

__all__ = [
    "CONNECTIONS",
    "DURABLES",
    "PartitionKeys",
    "StreamKeys",
    "TurnKeys",
    "connection_key",
    "durable_key",
    "partition_keys",
    "stream_keys",
    "turn_keys",
]


class PartitionKeys(NamedTuple):
    """What a partition keeps; the Lua scripts say what is in each."""

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


class StreamKeys(NamedTuple):
    """What a stream keeps."""

    events: str
    state: str


@cache
def partition_keys(partition: int) -> PartitionKeys:
    """The keys of a partition."""
    return PartitionKeys(*(f"{{p{partition}}}:{name}" for name in PartitionKeys._fields))


@lru_cache(maxsize=4096)
def stream_keys(partition: int, stream: str) -> StreamKeys:
    """The keys of a stream of that partition."""
    tag = f"{{p{partition}}}"
    return StreamKeys(f"{tag}:events:{stream}", f"{tag}:state:{stream}")


class TurnKeys(NamedTuple):
    """What a partition keeps of its turns and subscriptions."""

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
    """The keys of a partition's turns and subscriptions."""
    return TurnKeys(*(f"{{p{partition}}}:{name}" for name in TurnKeys._fields))


def connection_key(connection: str) -> str:
    """The key of a connection: it stands in no partition's slot."""
    return f"connection:{connection}"


def durable_key(name: str) -> str:
    """The key of a durable subscription: it stands in no partition's slot."""
    return f"durable:{name}"


DURABLES = "durables"
"""A sorted set of the names of all durable subscriptions."""

CONNECTIONS = "connections"
"""A sorted set of all connections, by when they were made."""
