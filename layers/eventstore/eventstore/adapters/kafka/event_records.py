"""Events as records of Kafka, for programs of others (CloudEvents Kafka Protocol Binding 1.0.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from eventstore.streams import partition_of

if TYPE_CHECKING:
    from eventstore.frames.pushes import PushedEvent

__all__ = ["HEADERS", "EventRecord", "record_of"]

HEADERS = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
"""The headers of a record: structured content mode (section 3.3). With `ce_` headers beside it, the SDK of CloudEvents
for Python would take the mode for binary."""


class EventRecord(NamedTuple):
    """A record.

    Attributes:
        partition: The partition: that of the stream in the hub, whatever a client's own partitioner would choose.
        key: The name of the stream (section 3.1).
        value: The event in the CloudEvents JSON format, with the extensions of the hub.
    """

    partition: int
    key: bytes
    value: bytes


def record_of(event: PushedEvent, *, partitions: int) -> EventRecord:
    """Return an event as a record.

    Args:
        event: The event.
        partitions: The number of partitions of the hub, and of the topic.
    """
    return EventRecord(partition_of(event.stream, partitions), event.stream.encode(), event.text.encode())
