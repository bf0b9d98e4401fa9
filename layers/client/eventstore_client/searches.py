"""Selecting events by their attributes, and searching those of all streams page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from eventstore_client.blocking import BlockingIterator
from eventstore_client.calls import several, time_text
from eventstore_client.errors import HistoryLost
from eventstore_client.losses import Loss, completed
from eventstore_client.pages import PagedIterator, page_call
from eventstore_client.recorded import Recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from eventstore_client.calls import Call, Query
    from eventstore_client.pages import Page
    from eventstore_client.rest import Rest

__all__ = ["AsyncSearch", "Order", "Search", "SearchOptions", "Selection", "selection_query"]

Order = Literal["asc", "desc"]
"""Oldest events first, or newest first."""


class Selection(TypedDict, total=False):
    """Options of `EventStore.search` and `EventStore.read` that select events; an event must satisfy all of them.

    Attributes:
        type: The type, or several; a type that ends in `*` is a prefix.
        source: The source, or several.
        subject: The subject, or several.
        workflowid: The id of the workflow, or several.
        executionid: The id of the execution, or several.
        tenantid: The id of the tenant, or several.
        since: Stored at or after this time: a datetime with a time zone, or RFC 3339.
        until: Stored before this time.
        filter: A CloudEvents SQL expression, such as `priority > 3`, or several, of which one must be true.
        filter_name: The name of a filter that the hub keeps.
    """

    type: str | Iterable[str]
    source: str | Iterable[str]
    subject: str | Iterable[str]
    workflowid: str | Iterable[str]
    executionid: str | Iterable[str]
    tenantid: str | Iterable[str]
    since: datetime | str
    until: datetime | str
    filter: str | Iterable[str]
    filter_name: str


_TIMES = {"since", "until"}


def selection_query(selection: Selection) -> dict[str, Any]:
    """Return the parameters of a URL's query that select events.

    Raises:
        TypeError: An option is unknown.
        ValueError: A time has no time zone.
    """
    if unknown := selection.keys() - Selection.__annotations__.keys():
        raise TypeError(
            f"unknown option {min(unknown)!r}; events are selected by {', '.join(Selection.__annotations__)}"
        )
    options: dict[str, Any] = {name: value for name, value in selection.items() if value is not None}
    return {name: time_text(value) if name in _TIMES else several(value) for name, value in options.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """What a search returns.

    Attributes:
        path: The path of a stream's events, or of all events.
        query: The parameters of the URL's query.
        cursor: The cursor at which to begin; None for the first page.
        on_loss: As for `EventStore.search`.
    """

    path: str
    query: Query
    cursor: str | None = None
    on_loss: Callable[[Loss], object] | None = None


class AsyncSearch(PagedIterator[Recorded]):
    """An iterator over events. One task iterates; iterating may raise `HistoryLost`.

    A request that fails or is cancelled is sent again when the next event is requested.

    Args:
        rest: Sends the requests.
        options: The events to return.
    """

    def __init__(self, rest: Rest, options: SearchOptions) -> None:
        super().__init__()
        self._rest = rest
        self._on_loss = options.on_loss
        first = page_call(options.path, options.query)
        self._call: Call[Page] | None = first if options.cursor is None else first.following(options.cursor)
        self._cursor = self._cursor_behind = options.cursor

    @property
    def cursor(self) -> str | None:
        """The position to continue from: of another search with the same order, or of `subscribe` after `asc`.

        It is behind all events of a page when the event after them is requested, so that a program that saves it
        misses nothing, and may receive up to a page of events again. None before the first page is handled, and for
        the events of one stream.
        """
        return self._cursor

    async def _fetch(self) -> None:
        self._cursor = self._cursor_behind
        if self._call is None:
            raise StopAsyncIteration
        page = await self._rest.call(self._call)
        if page.loss != Loss():
            if self._on_loss is None:
                # The page's cursor is behind its events, which are not lost.
                raise HistoryLost(page.loss, cursor="")
            await completed(self._on_loss(page.loss))
        self._items.extend(page.events)
        self._cursor_behind = page.cursor
        self._call = None if page.next_cursor is None else self._call.following(page.next_cursor)


class Search(BlockingIterator[Recorded]):
    """The blocking face of `AsyncSearch`: iterating may raise `HistoryLost`."""

    def __init__(self, search: AsyncSearch) -> None:
        super().__init__(search)
        self._search = search

    @property
    def cursor(self) -> str | None:
        """The position to continue from; see `AsyncSearch.cursor`."""
        return self._search.cursor
