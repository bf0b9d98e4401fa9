"""Query parameters as queries of the core.

Unknown parameters are rejected: a misspelt filter must not select everything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from eventstore.access import IN_URL
from eventstore.errors import InvalidQuery
from eventstore.filters import filter_of_parameters
from eventstore.filters.parameters import ATTRIBUTES
from eventstore.ports import FIRST_LISTED
from eventstore.read.pages import AllQuery, StreamQuery
from eventstore.read.selection import Selection
from eventstore.streams import DurableName, FilterName, StreamName, is_name, stream_name
from functions.hub import hub
from functions.parameters import (
    CURSOR,
    DIRECTION,
    FILTER_NAME,
    FIRST_SEQUENCE,
    LAST_SEQUENCE,
    LIMIT,
    LIST_NAMES,
    ORDER,
    PREFIX,
    QUERIES,
    SINCE,
    STREAM,
    SUBSCRIPTION,
    UNTIL,
    require_known,
)
from functions.rest.tokens import DEAD_LETTERS, connection_of, names_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.access import Access
    from eventstore.ports import ListedConnection
    from functions.parameters import Parameter

__all__ = [
    "ConnectionsQuery",
    "DeadLettersQuery",
    "NamesQuery",
    "all_query",
    "choice",
    "connections_query",
    "dead_letters_query",
    "milliseconds",
    "names_query",
    "narrowed",
    "single_value",
    "stream_named",
    "stream_query",
]

QueryT = TypeVar("QueryT", AllQuery, StreamQuery)

_ATTRIBUTES_AND_FILTER = (*ATTRIBUTES, "filter")

_NUMBER = re.compile(r"0|[1-9][0-9]*")
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:)(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NamesQuery:
    """A page of names: up to `limit` names after `after` that start with `prefix`."""

    prefix: str
    after: str
    limit: int


@dataclass(frozen=True, slots=True)
class DeadLettersQuery:
    """A page of parked streams: up to `limit` after the pair `after` of a subscription and a stream.

    Attributes:
        subscription: Selects the streams that this subscription parked; None selects all.
        stream: Selects this stream; None selects all.
    """

    subscription: DurableName | None
    stream: StreamName | None
    after: tuple[str, str]
    limit: int


@dataclass(frozen=True, slots=True)
class ConnectionsQuery:
    """A page of connections: up to `limit` after the connection `after`."""

    after: ListedConnection
    limit: int


def single_value(query: Mapping[str, Sequence[str]], parameter: Parameter) -> str | None:
    """Return the value of a parameter that may occur once; None if it is absent.

    Args:
        query: The values of each parameter.
        parameter: Which one.

    Raises:
        InvalidQuery: The parameter occurs more than once, or is required and missing.
    """
    values = query.get(parameter.name) or ()
    if len(values) > 1:
        raise InvalidQuery(
            f"{parameter.name} must not occur more than once; it occurs {len(values)} times", pointer=parameter.name
        )
    if parameter.required and not values:
        raise InvalidQuery(f"the parameter {parameter.name} is required", pointer=parameter.name)
    return values[0] if values else None


def choice(query: Mapping[str, Sequence[str]], parameter: Parameter) -> str:
    """Return the value of a parameter that has fixed choices; the first of them if it is absent.

    Args:
        query: The values of each parameter.
        parameter: Which one.

    Raises:
        InvalidQuery: The parameter occurs more than once, or has another value.
    """
    text = single_value(query, parameter)
    if text is not None and text not in parameter.choices:
        raise InvalidQuery(
            f"{parameter.name} must be {' or '.join(parameter.choices)}, not {text[:40]!r}", pointer=parameter.name
        )
    return text or parameter.choices[0]


def all_query(query: Mapping[str, Sequence[str]]) -> AllQuery:
    """Parse a query for events of all streams."""
    require_known(query, QUERIES["searchEvents"])
    return AllQuery(
        limit=_integer(query, LIMIT),
        cursor=single_value(query, CURSOR),
        backwards=choice(query, ORDER) == "desc",
        selection=_selection(query),
    )


def stream_query(query: Mapping[str, Sequence[str]], *, wait_seconds: float) -> StreamQuery:
    """Parse a query for events of a stream.

    Args:
        query: The values of each parameter.
        wait_seconds: How long to wait for events.
    """
    require_known(query, QUERIES["readStream"])
    return StreamQuery(
        start=_integer(query, FIRST_SEQUENCE),
        stop=_integer(query, LAST_SEQUENCE),
        limit=_integer(query, LIMIT),
        cursor=single_value(query, CURSOR),
        backwards=choice(query, DIRECTION) == "backwards",
        selection=_selection(query),
        wait_seconds=wait_seconds,
    )


def narrowed(query: QueryT, parameters: Mapping[str, Sequence[str]], *, access: Access) -> QueryT:
    """Return a query with the filter that the parameter `filter_name` names, beside its own.

    Args:
        query: The query.
        parameters: The values of each parameter.
        access: The caller's permissions.

    Raises:
        Forbidden: The caller may not use filters.
        FilterNotFound: There is no filter of this name.
        InvalidFilter: The filters are too long together.
    """
    name = single_value(parameters, FILTER_NAME)
    if name is None:
        return query
    selection = query.selection
    combined = hub().filters.combined(selection.filter, FilterName(name), access=access, pointers=IN_URL)
    return replace(query, selection=replace(selection, filter=combined))


def names_query(query: Mapping[str, Sequence[str]], kind: str) -> NamesQuery:
    """Parse a query for a page of a list that is sorted by name.

    Args:
        query: The values of each parameter.
        kind: The list, as in `tokens`.
    """
    require_known(query, LIST_NAMES)
    prefix, cursor = single_value(query, PREFIX), single_value(query, CURSOR)
    if prefix is not None and not is_name(prefix):
        raise InvalidQuery(
            f"prefix must be 1 to 200 letters, digits or . _ : ~ -, not {prefix[:80]!r}", pointer="prefix"
        )
    return NamesQuery(prefix or "", names_of(kind, cursor)[0] if cursor else "", _integer(query, LIMIT))


def dead_letters_query(query: Mapping[str, Sequence[str]]) -> DeadLettersQuery:
    """Parse a query for a page of parked streams."""
    require_known(query, QUERIES["listDeadLetters"])
    stream, cursor = stream_named(query), single_value(query, CURSOR)
    subscription, after = single_value(query, SUBSCRIPTION), ("", "")
    if cursor:
        last_subscription, last_stream = names_of(DEAD_LETTERS, cursor, count=2)
        after = last_subscription, last_stream
    name = None if subscription is None else DurableName(subscription)
    return DeadLettersQuery(name, stream, after, _integer(query, LIMIT))


def connections_query(query: Mapping[str, Sequence[str]]) -> ConnectionsQuery:
    """Parse a query for a page of connections."""
    require_known(query, QUERIES["listConnections"])
    cursor = single_value(query, CURSOR)
    return ConnectionsQuery(connection_of(cursor) if cursor else FIRST_LISTED, _integer(query, LIMIT))


def stream_named(query: Mapping[str, Sequence[str]]) -> StreamName | None:
    """Return the stream that a call names; None if it names none.

    Raises:
        InvalidQuery: It names several.
        InvalidStream: The name is not valid.
    """
    name = single_value(query, STREAM)
    return None if name is None else stream_name(name, pointer="stream")


def _selection(query: Mapping[str, Sequence[str]]) -> Selection:
    streams = tuple(stream_name(name, pointer="stream") for name in query.get("stream", ()))
    return Selection(
        filter=filter_of_parameters({name: query[name] for name in _ATTRIBUTES_AND_FILTER if name in query}),
        streams=streams,
        since=_time(query, SINCE),
        until=_time(query, UNTIL),
    )


def _integer(query: Mapping[str, Sequence[str]], parameter: Parameter) -> int:
    name, greatest = parameter.name, parameter.maximum
    text = single_value(query, parameter)
    if text is None:
        return parameter.default if isinstance(parameter.default, int) else greatest
    # The length is checked first: int() rejects thousands of digits.
    if not _NUMBER.fullmatch(text) or len(text) > len(str(greatest)) or not 1 <= int(text) <= greatest:
        raise InvalidQuery(f"{name} must be an integer from 1 to {greatest}, not {text[:40]!r}", pointer=name)
    return int(text)


def _time(query: Mapping[str, Sequence[str]], parameter: Parameter) -> int | None:
    text = single_value(query, parameter)
    if text is None:
        return None
    try:
        return max(0, milliseconds(text))
    except ValueError as error:
        raise InvalidQuery(
            f"{parameter.name} must be an RFC 3339 time such as 2018-04-05T17:31:00Z, not {text[:40]!r} "
            "(encode the + of an offset as %2B)",
            pointer=parameter.name,
        ) from error


def milliseconds(text: str) -> int:
    """Return an RFC 3339 time in milliseconds since 1970, rounded up: events are stored at whole milliseconds.

    Raises:
        ValueError: The text is not an RFC 3339 time.
    """
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError(text)
    minute, second, fraction, offset = match.groups()
    if not int(second) <= 60:  # noqa: PLR2004 - RFC 3339, 5.7: 60 is a leap second, which Python's calendar lacks
        raise ValueError(text)
    # Seconds are added to a difference, not to an instant: a leap second that ends year 9999 would overflow datetime.
    since = datetime.fromisoformat(f"{minute}00{offset}".upper()) - _EPOCH + timedelta(seconds=int(second))
    thousandths = (fraction or "0").ljust(3, "0")
    rounded_up = int(thousandths[:3]) + bool(thousandths[3:].strip("0"))
    return since // timedelta(milliseconds=1) + rounded_up
