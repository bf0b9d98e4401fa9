"""Streams: their names, their settings, their states, and the stream that an event belongs to."""

from __future__ import annotations

from eventstore.cloudevents.event import StreamName
from eventstore.streams.names import (
    DEFAULT_PARTITIONS,
    FORK_MARK,
    FORK_PATTERN,
    NAME_PATTERN,
    DurableName,
    FilterName,
    is_fork,
    is_name,
    is_selected,
    named_for,
    partition_of,
    stream_name,
    stream_of,
    workflow_stream,
)
from eventstore.streams.origin import Origin
from eventstore.streams.retention import Retention, StreamConfig
from eventstore.streams.state import ANY, NEW, Condition, Expected, StreamState, version_of

__all__ = [
    "ANY",
    "DEFAULT_PARTITIONS",
    "FORK_MARK",
    "FORK_PATTERN",
    "NAME_PATTERN",
    "NEW",
    "Condition",
    "DurableName",
    "Expected",
    "FilterName",
    "Origin",
    "Retention",
    "StreamConfig",
    "StreamName",
    "StreamState",
    "is_fork",
    "is_name",
    "is_selected",
    "named_for",
    "partition_of",
    "stream_name",
    "stream_of",
    "version_of",
    "workflow_stream",
]
