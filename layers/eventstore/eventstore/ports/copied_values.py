"""The values that are copied from one store to another one.

What no one but stores needs to understand is copied as it is stored: bytes, or text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.positions import Epoch, Position
    from eventstore.streams import StreamName
    from eventstore.subscriptions import SubscriptionKey

__all__ = [
    "CopiedAppend",
    "CopiedAppends",
    "CopiedDefinition",
    "CopiedGroup",
    "CopiedPartition",
    "CopiedStream",
]


class CopiedAppend(NamedTuple):
    """The events of one append.

    Attributes:
        position: Where it is in the log.
        stream: The stream of the events.
        base: The sequence of its first event.
        first: The sequence of the first event that is kept.
        keys: The keys of all events, 16 bytes each.
        digests: The chunks of the stream's digests that have those of the events, by their numbers.
        bodies: The bodies of the events that are kept.
    """

    position: Position
    stream: StreamName
    base: int
    first: int
    keys: bytes
    digests: Mapping[int, bytes]
    bodies: Sequence[bytes]


class CopiedAppends(NamedTuple):
    """Appends that follow each other in the log of a partition.

    Attributes:
        appends: The appends, without those of which no event is kept.
        position: Up to where the log was read.
        at_end: Whether nothing is left to read.
    """

    appends: Sequence[CopiedAppend]
    position: Position
    at_end: bool


class CopiedStream(NamedTuple):
    """What a store has of a stream, besides its events.

    Attributes:
        name: The name of the stream.
        head: The sequence of its last event.
        first: The sequence of the first one that is kept.
        size: The bytes of the bodies that are kept.
        created: In milliseconds since 1970.
        updated: In milliseconds since 1970.
        changes: How often its settings were changed, or nothing.
        limits: Its retention, as it is stored; empty for none.
        labels: Its labels, likewise.
        gone: Whether it was deleted for good.
    """

    name: StreamName
    head: int
    first: int
    size: int
    created: int
    updated: int
    changes: str
    limits: str
    labels: str
    gone: bool


class CopiedPartition(NamedTuple):
    """What a store has of a partition, besides its streams.

    Attributes:
        epoch: Its epoch.
        end: The end of its log.
        serials: The serial of its newest removal, and what it knows of those that it has forgotten, as it is stored.
        removals: The removals that it remembers: the time of each, and its text.
        checkpoint: Up to where events were dispatched.
    """

    epoch: Epoch
    end: Position
    serials: Sequence[str]
    removals: Sequence[tuple[int, str]]
    checkpoint: Position


class CopiedGroup(NamedTuple):
    """The group of a durable subscription in a partition: its definition and its state."""

    key: SubscriptionKey
    definition: str
    state: str


class CopiedDefinition(NamedTuple):
    """The definition of a durable subscription or of a named filter.

    Attributes:
        name: Its name.
        text: The definition.
        reference: What is stored beside it; empty for nothing.
    """

    name: str
    text: str
    reference: str
