"""Selecting events by their attributes, and searching those of all streams page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self, TypedDict

from eventstore_client.calls import several, time_text
from eventstore_client.errors import HistoryLost
from eventstore_client.losses import Loss

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from eventstore_client.events import Recorded
    from eventstore_client.rest import Page

__all__ = ["Order", "Search", "Selection", "selection_query"]

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


class Search:
    """An iterator over events of all streams. It fetches a page whenever the last one is used up.

    Args:
        fetch: Returns the page that begins at a cursor, or the first page for None.
        cursor: The cursor at which to begin; None for the first page.
        on_loss: As for `EventStore.search`.
    """

    def __init__(
        self, fetch: Callable[[str | None], Page], *, cursor: str | None, on_loss: Callable[[Loss], object] | None
    ) -> None:
        self._cursor = cursor
        self._events = self._pages(fetch, on_loss)

    @property
    def cursor(self) -> str | None:
        """The position to continue from: of another search with the same order, or of `subscribe` after `asc`.

        It is behind all events of a page when the event after them is requested, so that a program that saves it
        misses nothing, and may receive up to a page of events again. None before the first page is handled.
        """
        return self._cursor

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Recorded:
        """Return the next event.

        Raises:
            StopIteration: There are no further events for now.
            HistoryLost: Events were removed during the search.
        """
        return next(self._events)

    def _pages(
        self, fetch: Callable[[str | None], Page], on_loss: Callable[[Loss], object] | None
    ) -> Iterator[Recorded]:
        position = self._cursor
        while True:
            page = fetch(position)
            if page.loss != Loss():
                if on_loss is None:
                    # The page's cursor is behind its events, which are not lost.
                    raise HistoryLost(page.loss, cursor="")
                on_loss(page.loss)
            events: Sequence[Recorded] = page.events
            yield from events
            self._cursor = page.cursor
            if page.next_cursor is None:
                return
            position = page.next_cursor
