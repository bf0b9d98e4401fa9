"""The filters that a hub keeps under a name: describing, storing and deleting them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from eventstore_client.calls import Call, empty, etag_condition, listing, path_of
from eventstore_client.operations import Asynchronous, Blocking, listed, request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eventstore_client.calls import Listing, Reply
    from eventstore_client.rest import Rest

__all__ = ["AsyncNamedFilters", "NamedFilter", "NamedFilterCalls", "NamedFilters"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFilter:
    """A filter that the hub keeps under a name.

    Attributes:
        name: Its name.
        filters: The filters of which it consists; an event must match all of them.
        version: The number of its definitions.
        created: When it was created.
        updated: When its definition was last changed.
        etag: The version of this definition, for `expected`; None in a list.
        raw: The filter as the hub sent it, with members that this version of the client does not know.
    """

    name: str
    filters: tuple[Mapping[str, Any], ...]
    version: int
    created: datetime
    updated: datetime
    etag: str | None = None
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, members: Mapping[str, Any], *, etag: str | None = None) -> NamedFilter:
        """Parse a filter that the hub sent.

        Raises:
            KeyError, ValueError, TypeError: It is not a named filter.
        """
        return cls(
            name=members["id"],
            filters=tuple(members["filters"]),
            version=int(members["version"]),
            created=datetime.fromisoformat(members["created"]),
            updated=datetime.fromisoformat(members["updated"]),
            etag=etag,
            raw=members,
        )


class NamedFilterCalls:
    """The operations of `NamedFilters` and `AsyncNamedFilters`."""

    __slots__ = ()

    @listed
    def list(self, *, prefix: str | None = None, page: int = 100) -> Call[Listing[NamedFilter]]:
        """Iterate over the filters by name, fetching a page whenever the last one is used up.

        Args:
            prefix: Only filters whose names start with it.
            page: Filters per request, 1 to 1,000.
        """
        query = {"prefix": prefix, "limit": page}
        return listing(path_of("filters"), "filters", NamedFilter.parse, query=query)

    @request
    def get(self, name: str) -> Call[NamedFilter]:
        """Return a filter.

        Raises:
            NotFound: There is no filter of this name.
        """
        return Call(method="GET", path=path_of("filters", name), parse=_parse)

    @request
    def put(
        self, name: str, filters: Iterable[Mapping[str, Any]], *, expected: str | None = None, new: bool = False
    ) -> Call[NamedFilter]:
        """Create a filter, or replace its definition. Durable subscriptions that name it follow the change.

        Args:
            name: The name of the filter.
            filters: Filters in the dialects of the CloudEvents Subscriptions API; all of them must match.
            expected: Replace it only if it still has the definition of this `NamedFilter.etag`.
            new: Raise an error if the filter exists.

        Raises:
            Invalid: A filter is invalid.
            WrongVersion: `expected` does not hold, or the filter exists and `new` is set. A call whose response was
                lost, and that is retried, may raise it although the first attempt succeeded.
        """
        if isinstance(filters, str | bytes | dict):
            raise TypeError("put() expects a list of filters; wrap a single filter in a list")
        headers = {**etag_condition(expected), **({"If-None-Match": "*"} if new else {})}
        path, body = path_of("filters", name), {"filters": [*filters]}
        return Call(method="PUT", path=path, parse=_parse, headers=headers, body=body)

    @request
    def delete(self, name: str, *, expected: str | None = None) -> Call[None]:
        """Delete a filter.

        Args:
            name: The name of the filter.
            expected: Delete it only if it still has the definition of this `NamedFilter.etag`.

        Raises:
            NotFound: There is no filter of this name.
            WrongVersion: `expected` does not hold.
            Conflict: A durable subscription names the filter.
        """
        path, headers = path_of("filters", name), etag_condition(expected)
        return Call(method="DELETE", path=path, parse=empty, headers=headers, already_done=lambda: None)


@dataclass(frozen=True, slots=True)
class NamedFilters(NamedFilterCalls, Blocking):
    """The named filters of one hub (`EventStore.filters`)."""

    _rest: Rest


@dataclass(frozen=True, slots=True)
class AsyncNamedFilters(NamedFilterCalls, Asynchronous):
    """The named filters of one hub (`AsyncEventStore.filters`)."""

    _rest: Rest


def _parse(reply: Reply) -> NamedFilter:
    return NamedFilter.parse(json.loads(reply.body), etag=reply.etag)
