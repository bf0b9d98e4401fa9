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
    "one",
    "only",
    "required",
    "stream_query",
]

_ATTRIBUTES = ("type", "source", "subject", "workflowid", "executionid", "tenantid")
_SELECTION = (*_ATTRIBUTES, "since", "until", "filter")
_PAGE = ("limit", "cursor")
_ALL = (*_SELECTION, "stream", "order", *_PAGE)
_STREAM = (*_SELECTION, "from", "to", "direction", *_PAGE)
_NAMES = ("prefix", *_PAGE)

_MOST = 1000
_USUAL = 100
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
    """Which names: up to `limit` beyond `after`, those that start with `prefix`."""

    prefix: str = ""
    after: str = ""
    limit: int = _USUAL


@dataclass(frozen=True, slots=True)
class DeadLettersQuery:
    """Which parked streams: up to `limit` beyond a subscription and a stream; of one subscription, or one stream."""

    subscription: str | None = None
    stream: str | None = None
    after: tuple[str, str] = ("", "")
    limit: int = _USUAL


def only(query: Mapping[str, Sequence[str]], *known: str) -> None:
    """Return if every parameter is known and has a value.

    Raises:
        InvalidQuery: One is not, or has none.
    """
    for name, values in query.items():
        if name not in known:
            knows = ", ".join(known) if known else "none"
            raise InvalidQuery(f"unknown parameter {name[:80]!r}; this call knows: {knows}", pointer=name)
        if not all(values):
            raise InvalidQuery(f"{name} is empty; give it a value, or leave it out", pointer=name)


def one(query: Mapping[str, Sequence[str]], name: str) -> str | None:
    """The value of a parameter that may stand once; None without it."""
    values = query.get(name) or (None,)
    if len(values) > 1:
        raise InvalidQuery(f"{name} stands {len(values)} times; once is enough", pointer=name)
    return values[0]


def flag(query: Mapping[str, Sequence[str]], name: str) -> bool:
    """Whether a parameter says true; without it, false."""
    return _choice(query, name, ("false", "true")) == "true"


def all_query(query: Mapping[str, Sequence[str]]) -> AllQuery:
    """Which events of all streams."""
    only(query, *_ALL)
    return AllQuery(
        limit=_limit(query),
        cursor=one(query, "cursor"),
        backwards=_choice(query, "order", ("asc", "desc")) == "desc",
        selection=_selection(query),
    )


def stream_query(query: Mapping[str, Sequence[str]], *, wait: float) -> StreamQuery:
    """Which events of one stream."""
    only(query, *_STREAM)
    return StreamQuery(
        start=_number(query, "from", default=1, greatest=_GREATEST),
        stop=_number(query, "to", default=_GREATEST, greatest=_GREATEST),
        limit=_limit(query),
        cursor=one(query, "cursor"),
        backwards=_choice(query, "direction", ("forwards", "backwards")) == "backwards",
        selection=_selection(query),
        wait=wait,
    )


def names_query(query: Mapping[str, Sequence[str]], kind: str) -> NamesQuery:
    """Which names of a list of that kind (`tokens`)."""
    only(query, *_NAMES)
    prefix, cursor = one(query, "prefix"), one(query, "cursor")
    if prefix is not None and not _PREFIX.fullmatch(prefix):
        raise InvalidQuery(
            f"prefix is {prefix[:80]!r}; a name is 1 to 200 of: letters, digits and . _ : ~ -", pointer="prefix"
        )
    return NamesQuery(prefix or "", names_of(kind, cursor)[0] if cursor else "", _limit(query))


def dead_letters_query(query: Mapping[str, Sequence[str]]) -> DeadLettersQuery:
    """Which parked streams."""
    only(query, "subscription", "stream", *_PAGE)
    stream, cursor = one(query, "stream"), one(query, "cursor")
    if stream is not None:
        stream_name(stream, pointer="stream")
    subscription, after = one(query, "subscription"), ("", "")
    if cursor:
        name, last = names_of(DEAD_LETTERS, cursor, count=2)
        after = name, last
    return DeadLettersQuery(subscription, stream, after, _limit(query))


def required(query: Mapping[str, Sequence[str]], name: str) -> str:
    """The value of a parameter that must stand once."""
    value = one(query, name)
    if value is None:
        raise InvalidQuery(f"{name} is missing; this call needs it", pointer=name)
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
    return _number(query, "limit", default=_USUAL, greatest=_MOST)


def _number(query: Mapping[str, Sequence[str]], name: str, *, default: int, greatest: int) -> int:
    text = one(query, name)
    if text is None:
        return default
    # Length first: Python refuses to read thousands of digits.
    if not _NUMBER.fullmatch(text) or len(text) > len(str(greatest)) or not 1 <= int(text) <= greatest:
        raise InvalidQuery(f"{name} is {text[:40]!r}; it is a whole number from 1 to {greatest}", pointer=name)
    return int(text)


def _choice(query: Mapping[str, Sequence[str]], name: str, choices: tuple[str, str]) -> str:
    text = one(query, name)
    if text is not None and text not in choices:
        raise InvalidQuery(f"{name} is {text[:40]!r}; it is {' or '.join(choices)}", pointer=name)
    return text or choices[0]


def _time(query: Mapping[str, Sequence[str]], name: str) -> int | None:
    text = one(query, name)
    if text is None:
        return None
    try:
        return max(0, milliseconds(text))
    except ValueError as error:
        raise InvalidQuery(
            f"{name} is {text[:40]!r}, which is no time of RFC 3339; one is such as 2018-04-05T17:31:00Z "
            "(a + of an offset is sent as %2B)",
            pointer=name,
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
