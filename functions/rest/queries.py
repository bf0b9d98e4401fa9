"""Query parameters as the queries of the core.

A parameter that a call does not know is refused: a misspelt filter must not select everything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from eventstore.errors import InvalidQuery
from eventstore.filters import filter_of_parameters
from eventstore.filters.parameters import ATTRIBUTES
from eventstore.read.pages import AllQuery, StreamQuery
from eventstore.read.selection import Selection
from eventstore.streams import is_name, stream_name
from functions.parameters import (
    CURSOR,
    DIRECTION,
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
)
from functions.rest.tokens import DEAD_LETTERS, names_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from functions.parameters import Parameter

__all__ = [
    "DeadLettersQuery",
    "NamesQuery",
    "all_query",
    "choice",
    "dead_letters_query",
    "milliseconds",
    "names_query",
    "one",
    "only",
    "stream_named",
    "stream_query",
]

_ATTRIBUTES_AND_FILTER = (*ATTRIBUTES, "filter")

_NUMBER = re.compile(r"0|[1-9][0-9]*")
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:)(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NamesQuery:
    """Which names: up to `limit` beyond `after`, those that start with `prefix`."""

    prefix: str
    after: str
    limit: int


@dataclass(frozen=True, slots=True)
class DeadLettersQuery:
    """Which parked streams: up to `limit` beyond a subscription and a stream; of one subscription, or one stream."""

    subscription: str | None
    stream: str | None
    after: tuple[str, str]
    limit: int


def only(query: Mapping[str, Sequence[str]], known: Sequence[Parameter] = ()) -> None:
    """Raise unless every parameter is one of those known and has a value.

    Args:
        query: Every value of each parameter.
        known: Those that the call has.

    Raises:
        InvalidQuery: One is not known, or has no value.
    """
    names = [parameter.name for parameter in known]
    for name, values in query.items():
        if name not in names:
            knows = ", ".join(names) or "none"
            raise InvalidQuery(f"unknown parameter {name[:80]!r}; this call knows: {knows}", pointer=name)
        if not all(values):
            raise InvalidQuery(f"{name} is empty; give it a value, or leave it out", pointer=name)


def one(query: Mapping[str, Sequence[str]], parameter: Parameter) -> str | None:
    """The value of a parameter that may stand once; None without it.

    Raises:
        InvalidQuery: It stands several times, or it is required and missing.
    """
    values = query.get(parameter.name) or ()
    if len(values) > 1:
        raise InvalidQuery(f"{parameter.name} stands {len(values)} times; once is enough", pointer=parameter.name)
    if parameter.required and not values:
        raise InvalidQuery(f"{parameter.name} is missing; this call needs it", pointer=parameter.name)
    return values[0] if values else None


def choice(query: Mapping[str, Sequence[str]], parameter: Parameter) -> str:
    """The choice that a parameter makes; without it, the first of its choices.

    Raises:
        InvalidQuery: It stands several times, or is none of them.
    """
    text = one(query, parameter)
    if text is not None and text not in parameter.choices:
        raise InvalidQuery(
            f"{parameter.name} is {text[:40]!r}; it is {' or '.join(parameter.choices)}", pointer=parameter.name
        )
    return text or parameter.choices[0]


def all_query(query: Mapping[str, Sequence[str]]) -> AllQuery:
    """Which events of all streams."""
    only(query, QUERIES["searchEvents"])
    return AllQuery(
        limit=_integer(query, LIMIT),
        cursor=one(query, CURSOR),
        backwards=choice(query, ORDER) == "desc",
        selection=_selection(query),
    )


def stream_query(query: Mapping[str, Sequence[str]], *, wait: float) -> StreamQuery:
    """Which events of one stream."""
    only(query, QUERIES["readStream"])
    return StreamQuery(
        start=_integer(query, FIRST_SEQUENCE),
        stop=_integer(query, LAST_SEQUENCE),
        limit=_integer(query, LIMIT),
        cursor=one(query, CURSOR),
        backwards=choice(query, DIRECTION) == "backwards",
        selection=_selection(query),
        wait=wait,
    )


def names_query(query: Mapping[str, Sequence[str]], kind: str) -> NamesQuery:
    """Which names of a list of that kind (`tokens`)."""
    only(query, LIST_NAMES)
    prefix, cursor = one(query, PREFIX), one(query, CURSOR)
    if prefix is not None and not is_name(prefix):
        raise InvalidQuery(
            f"prefix is {prefix[:80]!r}; a name is 1 to 200 of: letters, digits and . _ : ~ -", pointer="prefix"
        )
    return NamesQuery(prefix or "", names_of(kind, cursor)[0] if cursor else "", _integer(query, LIMIT))


def dead_letters_query(query: Mapping[str, Sequence[str]]) -> DeadLettersQuery:
    """Which parked streams."""
    only(query, QUERIES["listDeadLetters"])
    stream, cursor = stream_named(query), one(query, CURSOR)
    subscription, after = one(query, SUBSCRIPTION), ("", "")
    if cursor:
        name, last = names_of(DEAD_LETTERS, cursor, count=2)
        after = name, last
    return DeadLettersQuery(subscription, stream, after, _integer(query, LIMIT))


def stream_named(query: Mapping[str, Sequence[str]]) -> str | None:
    """The one stream that a call is about; None without it.

    Raises:
        InvalidQuery: There are several.
        InvalidStream: It is no name.
    """
    name = one(query, STREAM)
    return None if name is None else stream_name(name, pointer="stream")


def _selection(query: Mapping[str, Sequence[str]]) -> Selection:
    streams = query.get("stream", ())
    for name in streams:
        stream_name(name, pointer="stream")
    return Selection(
        filter=filter_of_parameters({name: query[name] for name in _ATTRIBUTES_AND_FILTER if name in query}),
        streams=tuple(streams),
        since=_time(query, SINCE),
        until=_time(query, UNTIL),
    )


def _integer(query: Mapping[str, Sequence[str]], parameter: Parameter) -> int:
    name, greatest = parameter.name, parameter.maximum
    text = one(query, parameter)
    if text is None:
        return parameter.default if isinstance(parameter.default, int) else greatest
    # Length first: Python refuses to read thousands of digits.
    if not _NUMBER.fullmatch(text) or len(text) > len(str(greatest)) or not 1 <= int(text) <= greatest:
        raise InvalidQuery(f"{name} is {text[:40]!r}; it is a whole number from 1 to {greatest}", pointer=name)
    return int(text)


def _time(query: Mapping[str, Sequence[str]], parameter: Parameter) -> int | None:
    text = one(query, parameter)
    if text is None:
        return None
    try:
        return max(0, milliseconds(text))
    except ValueError as error:
        raise InvalidQuery(
            f"{parameter.name} is {text[:40]!r}, which is no time of RFC 3339; one is such as 2018-04-05T17:31:00Z "
            "(a + of an offset is sent as %2B)",
            pointer=parameter.name,
        ) from error


def milliseconds(text: str) -> int:
    """The first millisecond since 1970 that is not before the time; events are stored at whole ones.

    Raises:
        ValueError: It is no time of RFC 3339.
    """
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError(text)
    minute, second, fraction, offset = match.groups()
    if not int(second) <= 60:  # noqa: PLR2004 - RFC 3339, 5.7: 60 is a leap second, which Python's calendar lacks
        raise ValueError(text)
    # A difference, not an instant: the last second of year 9999 is followed by none that Python knows.
    since = datetime.fromisoformat(f"{minute}00{offset}".upper()) - _EPOCH + timedelta(seconds=int(second))
    thousandths = (fraction or "0").ljust(3, "0")
    rounded_up = int(thousandths[:3]) + bool(thousandths[3:].strip("0"))
    return since // timedelta(milliseconds=1) + rounded_up
