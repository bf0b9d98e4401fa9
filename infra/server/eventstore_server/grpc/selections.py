"""Filters and selections, from and to their messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.filters import parse_filters
from eventstore.read.selection import Selection
from eventstore.streams import FilterName, StreamName, stream_name
from eventstore_proto.flunq.eventstore.v1 import events_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from google.protobuf.timestamp_pb2 import Timestamp

    from eventstore.access import Access
    from eventstore.filters import Filter
    from eventstore.hub.hub import Hub

__all__ = ["filter_messages", "filter_of", "filter_values", "milliseconds", "missing_of", "selection_of", "streams_of"]

_OF_VALUES = ("exact", "prefix", "suffix")
_NANOSECONDS = 1_000_000


def filter_values(filters: Iterable[events_pb2.Filter]) -> list[object]:
    """Return filters in the JSON form of the CloudEvents Subscriptions API, which the core parses."""
    return [_value(message) for message in filters]


def filter_messages(values: Iterable[Any]) -> list[events_pb2.Filter]:
    """Return filters that the core has parsed from their JSON form, as messages."""
    return [_message(value) for value in values]


def filter_of(
    filters: Iterable[events_pb2.Filter], name: str, hub: Hub, *, access: Access, pointer: str = "/filters"
) -> Filter:
    """Return the filter of a request, combined with the filter that it names.

    Args:
        filters: The filters of the request.
        name: The name of a stored filter; empty for none.
        hub: The use cases.
        access: The access of the caller.
        pointer: Where the request has the filters (RFC 6901), for the error.

    Raises:
        InvalidFilter: A filter breaks a rule.
        FilterNotFound, Forbidden: As `FilterDirectory.combined`.
    """
    own = parse_filters(filter_values(filters), pointer=pointer)
    if not name:
        return own
    return hub.filters.combined(own, FilterName(name), access=access)


def selection_of(message: events_pb2.Selection, streams: Sequence[str], hub: Hub, *, access: Access) -> Selection:
    """Return the selection of a read.

    Args:
        message: The selection.
        streams: The names of the streams that are read; all streams, if empty.
        hub: The use cases.
        access: The access of the caller.

    Raises:
        InvalidFilter, InvalidStream: A filter or a name breaks a rule.
        FilterNotFound, Forbidden: As `FilterDirectory.combined`.
    """
    selected = filter_of(message.filters, message.filter_name, hub, access=access, pointer="/selection/filters")
    since = milliseconds(message.since) if message.HasField("since") else None
    until = milliseconds(message.until) if message.HasField("until") else None
    return Selection(filter=selected, streams=streams_of(streams), since=since, until=until)


def streams_of(names: Iterable[str]) -> tuple[StreamName, ...]:
    """Return names of streams, each once; raises `InvalidStream`."""
    return tuple(dict.fromkeys(stream_name(name, pointer="/streams") for name in names))


def milliseconds(time: Timestamp) -> int:
    """Return a time in milliseconds since 1970, rounded up as over REST: events are stored at whole milliseconds."""
    return max(0, time.seconds * 1000 - -time.nanos // _NANOSECONDS)


def missing_of(
    ranges: Iterable[tuple[StreamName, int, int]], *, more: bool, gone: Iterable[str] = ()
) -> events_pb2.Missing:
    """Return a report of missing events.

    Args:
        ranges: Stream, first and last sequence.
        more: Whether more is missing.
        gone: Streams that were deleted permanently.
    """
    listed = [events_pb2.MissingRange(stream=stream, first=first, last=last) for stream, first, last in ranges]
    return events_pb2.Missing(ranges=listed, more=more, gone=gone)


def _value(message: events_pb2.Filter) -> dict[str, object]:
    dialect = message.WhichOneof("dialect")
    if dialect is None:
        # `parse_filters` says what a filter must have.
        return {}
    # `not` is a keyword of Python, so that fields are read by their names.
    operand = getattr(message, dialect)
    match dialect:
        case "exact" | "prefix" | "suffix":
            return {dialect: dict(operand.attributes)}
        case "all" | "any":
            return {dialect: filter_values(operand.filters)}
        case "not":
            return {dialect: _value(operand)}
        case _:
            return {dialect: operand}


def _message(value: dict[str, Any]) -> events_pb2.Filter:
    ((dialect, operand),) = value.items()
    content: object = operand
    if dialect in _OF_VALUES:
        content = events_pb2.AttributeValues(attributes=operand)
    elif dialect in {"all", "any"}:
        content = events_pb2.Filters(filters=filter_messages(operand))
    elif dialect == "not":
        content = _message(operand)
    arguments: dict[str, Any] = {dialect: content}
    return events_pb2.Filter(**arguments)
