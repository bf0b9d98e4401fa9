"""Query parameters as queries of the core.

Unknown parameters are rejected: a misspelt filter must not select everything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from eventstore.errors import InvalidQuery
from eventstore.filters import filter_of_parameters
from eventstore.read.pages import AllQuery, StreamQuery
from eventstore.read.selection import Selection
from eventstore.streams import stream_name
from functions.rest.tokens import DEAD_LETTERS, names_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "DeadLettersQuery",
    "NamesQuery",
    "all_query",
    "dead_letters_query",
    "flag",
    "milliseconds",
    "names_query",
    "require_known",
    "required",
    "single_value",
    "stream_query",
]

_ATTRIBUTES = ("type", "source", "subject", "workflowid", "executionid", "tenantid")
_SELECTION = (*_ATTRIBUTES, "since", "until", "filter")
_PAGE = ("limit", "cursor")
_ALL = (*_SELECTION, "stream", "order", *_PAGE)
_STREAM = (*_SELECTION, "from", "to", "direction", *_PAGE)
_NAMES = ("prefix", *_PAGE)

_MAX_LIMIT = 1000
_DEFAULT_LIMIT = 100
_GREATEST = 10**15

_NUMBER = re.compile(r"0|[1-9][0-9]*")
_PREFIX = re.compile(r"[A-Za-z0-9._:~-]{1,200}")
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:)(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NamesQuery:
    """A page of names: up to `limit` names after `after` that start with `prefix`."""

    prefix: str = ""
    after: str = ""
    limit: int = _DEFAULT_LIMIT


@dataclass(frozen=True, slots=True)
class DeadLettersQuery:
    """A page of parked streams: up to `limit` after the pair `after` of a subscription and a stream.

    Attributes:
        subscription: Selects the streams that this subscription parked; None selects all.
        stream: Selects this stream; None selects all.
    """

    subscription: str | None = None
    stream: str | None = None
    after: tuple[str, str] = ("", "")
    limit: int = _DEFAULT_LIMIT


def require_known(query: Mapping[str, Sequence[str]], *known: str) -> None:
    """Raise unless every parameter is known and has a value.

    Args:
        query: The values of each parameter.
        known: The parameters that the call supports.

    Raises:
        InvalidQuery: A parameter is unknown or empty.
    """
    for name, values in query.items():
        if name not in known:
            supported = ", ".join(known) if known else "none"
            raise InvalidQuery(f"unknown parameter {name[:80]!r}; supported: {supported}", pointer=name)
        if not all(values):
            raise InvalidQuery(f"{name} must not be empty; set a value, or omit it", pointer=name)


def single_value(query: Mapping[str, Sequence[str]], name: str) -> str | None:
    """Return the value of a parameter that may occur once; None if it is absent."""
    values = query.get(name) or (None,)
    if len(values) > 1:
        raise InvalidQuery(f"{name} must not occur more than once; it occurs {len(values)} times", pointer=name)
    return values[0]


def flag(query: Mapping[str, Sequence[str]], name: str) -> bool:
    """Return whether a parameter is true; an absent one is false."""
    return _choice(query, name, ("false", "true")) == "true"


def all_query(query: Mapping[str, Sequence[str]]) -> AllQuery:
    """Parse a query for events of all streams."""
    require_known(query, *_ALL)
    return AllQuery(
        limit=_limit(query),
        cursor=single_value(query, "cursor"),
        backwards=_choice(query, "order", ("asc", "desc")) == "desc",
        selection=_selection(query),
    )


def stream_query(query: Mapping[str, Sequence[str]], *, wait: float) -> StreamQuery:
    """Parse a query for events of a stream.

    Args:
        query: The values of each parameter.
        wait: Seconds to wait for events.
    """
    require_known(query, *_STREAM)
    return StreamQuery(
        start=_number(query, "from", default=1, greatest=_GREATEST),
        stop=_number(query, "to", default=_GREATEST, greatest=_GREATEST),
        limit=_limit(query),
        cursor=single_value(query, "cursor"),
        backwards=_choice(query, "direction", ("forwards", "backwards")) == "backwards",
        selection=_selection(query),
        wait=wait,
    )


def names_query(query: Mapping[str, Sequence[str]], kind: str) -> NamesQuery:
    """Parse a query for a page of a list that is sorted by name.

    Args:
        query: The values of each parameter.
        kind: The list, as in `tokens`.
    """
    require_known(query, *_NAMES)
    prefix, cursor = single_value(query, "prefix"), single_value(query, "cursor")
    if prefix is not None and not _PREFIX.fullmatch(prefix):
        raise InvalidQuery(
            f"prefix must be 1 to 200 letters, digits or . _ : ~ -, not {prefix[:80]!r}", pointer="prefix"
        )
    return NamesQuery(prefix or "", names_of(kind, cursor)[0] if cursor else "", _limit(query))


def dead_letters_query(query: Mapping[str, Sequence[str]]) -> DeadLettersQuery:
    """Parse a query for a page of parked streams."""
    require_known(query, "subscription", "stream", *_PAGE)
    stream, cursor = single_value(query, "stream"), single_value(query, "cursor")
    if stream is not None:
        stream_name(stream, pointer="stream")
    subscription, after = single_value(query, "subscription"), ("", "")
    if cursor:
        name, last = names_of(DEAD_LETTERS, cursor, count=2)
        after = name, last
    return DeadLettersQuery(subscription, stream, after, _limit(query))


def required(query: Mapping[str, Sequence[str]], name: str) -> str:
    """Return the value of a parameter that must occur exactly once."""
    value = single_value(query, name)
    if value is None:
        raise InvalidQuery(f"the parameter {name} is required", pointer=name)
    return value


def _selection(query: Mapping[str, Sequence[str]]) -> Selection:
    streams = query.get("stream", ())
    for name in streams:
        stream_name(name, pointer="stream")
    return Selection(
        filter=filter_of_parameters({name: query[name] for name in (*_ATTRIBUTES, "filter") if name in query}),
        streams=tuple(streams),
        since=_time(query, "since"),
        until=_time(query, "until"),
    )


def _limit(query: Mapping[str, Sequence[str]]) -> int:
    return _number(query, "limit", default=_DEFAULT_LIMIT, greatest=_MAX_LIMIT)


def _number(query: Mapping[str, Sequence[str]], name: str, *, default: int, greatest: int) -> int:
    text = single_value(query, name)
    if text is None:
        return default
    # The length is checked first: int() rejects thousands of digits.
    if not _NUMBER.fullmatch(text) or len(text) > len(str(greatest)) or not 1 <= int(text) <= greatest:
        raise InvalidQuery(f"{name} must be an integer from 1 to {greatest}, not {text[:40]!r}", pointer=name)
    return int(text)


def _choice(query: Mapping[str, Sequence[str]], name: str, choices: tuple[str, str]) -> str:
    text = single_value(query, name)
    if text is not None and text not in choices:
        raise InvalidQuery(f"{name} must be {' or '.join(choices)}, not {text[:40]!r}", pointer=name)
    return text or choices[0]


def _time(query: Mapping[str, Sequence[str]], name: str) -> int | None:
    text = single_value(query, name)
    if text is None:
        return None
    try:
        return max(0, milliseconds(text))
    except ValueError as error:
        raise InvalidQuery(
            f"{name} must be an RFC 3339 time such as 2018-04-05T17:31:00Z, not {text[:40]!r} "
            "(encode the + of an offset as %2B)",
            pointer=name,
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
