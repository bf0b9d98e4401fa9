"""Calls of the REST API as values: what is sent, and how the response is parsed. `rest` sends them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = [
    "UNCHANGED",
    "Call",
    "Changes",
    "Listing",
    "Query",
    "Reply",
    "Unchanged",
    "empty",
    "etag_condition",
    "given",
    "json_object",
    "listing",
    "optional_time",
    "path_of",
    "seconds",
    "several",
    "time_text",
]

Result = TypeVar("Result")
Item = TypeVar("Item")

Query: TypeAlias = "Mapping[str, str | int | Sequence[str] | None]"
"""The parameters of a URL's query; None omits one."""

Changes: TypeAlias = "dict[str, Any]"
"""The members of a JSON merge patch (RFC 7396)."""


class Unchanged(Enum):
    """The type of `UNCHANGED`."""

    UNCHANGED = "unchanged"

    def __repr__(self) -> str:
        return self.name


UNCHANGED: Literal[Unchanged.UNCHANGED] = Unchanged.UNCHANGED
"""The default of what a change may set, since None removes a limit."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A response of the hub that is not an error.

    Attributes:
        body: Its body.
        etag: The header `ETag`, the version of what the body describes; None if the response has none.
    """

    body: bytes
    etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Result]):
    """One request, and how its response is parsed.

    Attributes:
        method: The HTTP method.
        path: The path below the hub's address, encoded.
        parse: Returns the result. It raises KeyError, ValueError, TypeError or EventstoreError for a response that is
            not the expected one.
        query: The parameters of the URL's query.
        headers: Further headers, such as preconditions.
        body: A JSON value; None for a request without a body, or with `encoded`.
        batch: The JSON texts of events, which are the body; None for none, or with `body`.
        is_patch: Whether the body is a merge patch.
        is_retried: Whether the request is sent again while the hub is unreachable or busy.
        known: Returns the result without a request; None if a request is needed.
        already_done: Returns the result if a retry finds that the earlier attempt, whose response was lost, succeeded:
            what it removes is not there. None if a retry returns the same as the first attempt.
        is_partial: Whether a result is that of a part only, so that the same request is sent again, which continues.
            None if a request does all at once.
    """

    method: str
    path: str
    parse: Callable[[Reply], Result]
    query: Query = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    batch: Sequence[str] | None = None
    is_patch: bool = False
    is_retried: bool = True
    known: Callable[[], Result] | None = None
    already_done: Callable[[], Result] | None = None
    is_partial: Callable[[Result], bool] | None = None

    @property
    def target(self) -> str:
        """The path and the query of the request."""
        query = {name: value for name, value in self.query.items() if value is not None}
        # A space is encoded as %20, never as +: signer and gateway must see the same bytes.
        return f"{self.path}?{urlencode(query, doseq=True, quote_via=quote)}" if query else self.path

    @property
    def content(self) -> bytes | None:
        """The encoded body.

        Raises:
            TypeError, ValueError: The body contains a value that JSON cannot represent.
        """
        if self.batch is not None:
            return f"[{','.join(self.batch)}]".encode()
        if self.body is None:
            return None
        return json.dumps(self.body, allow_nan=False, separators=(",", ":")).encode()

    @property
    def all_headers(self) -> Mapping[str, str]:
        """The headers, with the media type of the body."""
        if self.body is None:
            return self.headers
        return {"Content-Type": f"application/{'merge-patch+' if self.is_patch else ''}json", **self.headers}

    def following(self, cursor: str) -> Call[Result]:
        """Return the call for the page that begins at a cursor."""
        return replace(self, query={**self.query, "cursor": cursor})


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """One page of a list.

    Attributes:
        items: The items in order.
        next_cursor: The cursor of the next page; None on the last page.
    """

    items: Sequence[Item]
    next_cursor: str | None


def listing(path: str, member: str, parse: Callable[[Mapping[str, Any]], Item], *, query: Query) -> Call[Listing[Item]]:
    """Return the call for the first page of a list.

    Args:
        path: The path of the list.
        member: The member of the response that holds the items.
        parse: Parses an item.
        query: The parameters of the URL's query.
    """

    def parse_page(reply: Reply) -> Listing[Item]:
        page = json.loads(reply.body)
        return Listing([parse(item) for item in page[member]], page.get("next"))

    return Call(method="GET", path=path, parse=parse_page, query=query)


def path_of(*segments: str) -> str:
    """Return a path of the API, with its segments encoded."""
    return "/api/v1/" + "/".join(quote(segment, safe="") for segment in segments)


def empty(_: Reply) -> None:
    """Parse a response without a body."""


def json_object(reply: Reply) -> Mapping[str, Any]:
    """Parse a response that is a JSON object.

    Raises:
        ValueError: It is not.
    """
    value = json.loads(reply.body)
    if not isinstance(value, dict):
        raise ValueError("the response is not a JSON object")  # noqa: TRY004 - a response, not an argument
    return value


def given(**members: object) -> Changes:
    """Return the members that are not `UNCHANGED`."""
    return {name: value for name, value in members.items() if value is not UNCHANGED}


def etag_condition(etag: str | None) -> Mapping[str, str]:
    """Return the precondition that a definition still has this `etag`, with or without quotes; none if it is None."""
    return {} if etag is None else {"If-Match": etag if '"' in etag or etag == "*" else f'"{etag}"'}


def several(values: str | Iterable[str] | None) -> Sequence[str] | None:
    """Return one value or several as a list; None if there is none."""
    return None if values is None else [values] if isinstance(values, str) else [*values]


def seconds(duration: float | timedelta) -> float:
    """Return a duration in seconds, as an integer if it is a whole number of them."""
    number = duration.total_seconds() if isinstance(duration, timedelta) else duration
    return int(number) if number == int(number) else number


def time_text(time: datetime | str) -> str:
    """Return a time in the format of RFC 3339.

    Raises:
        ValueError: The time has no time zone.
    """
    if isinstance(time, str):
        return time
    if time.tzinfo is None:
        raise ValueError(f"{time!r} has no time zone: use datetime.now(UTC), or replace(tzinfo=…)")
    return time.isoformat()


def optional_time(text: str | None) -> datetime | None:
    """Return a time of the hub; None if there is none."""
    return None if text is None else datetime.fromisoformat(text)
