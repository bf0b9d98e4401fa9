"""Pages of events, and lists that are fetched page by page."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from eventstore.cloudevents.json_text import decoded
from eventstore_client.calls import Call
from eventstore_client.messages import parse_loss
from eventstore_client.recorded import message_with_events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore_client.calls import Listing, Query, Reply
    from eventstore_client.losses import Loss
    from eventstore_client.recorded import Recorded
    from eventstore_client.rest import Rest

__all__ = ["AsyncItems", "Page", "PagedIterator", "page_call"]

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a stream, or of all streams.

    Attributes:
        events: The events in order.
        loss: The events that were removed before this page; `Loss()` if there are none.
        next_cursor: The cursor of the next page; None on the last page.
        cursor: The position behind this page of all streams; None for a page of one stream.
    """

    events: Sequence[Recorded]
    loss: Loss
    next_cursor: str | None
    cursor: str | None = None


class PagedIterator(ABC, Generic[Item]):
    """The base of iterators that fetch a page whenever the last one is used up. One task iterates."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._is_fetching = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        """Return the next item.

        Raises:
            RuntimeError: Another task waits for it. Both would request the same page, and return its items twice.
        """
        if not self._items:
            if self._is_fetching:
                raise RuntimeError("another task waits for the next page: one task iterates")
            self._is_fetching = True
            try:
                while not self._items:
                    await self._fetch()
            finally:
                self._is_fetching = False
        return self._items.popleft()

    @abstractmethod
    async def _fetch(self) -> None:
        """Add the items of the next page.

        Raises:
            StopAsyncIteration: There are no further pages.
        """


class AsyncItems(PagedIterator[Item]):
    """An iterator over the items of a list.

    Args:
        rest: Sends the requests.
        call: The call for the first page.
    """

    def __init__(self, rest: Rest, call: Call[Listing[Item]]) -> None:
        super().__init__()
        self._rest = rest
        self._call: Call[Listing[Item]] | None = call

    async def _fetch(self) -> None:
        if self._call is None:
            raise StopAsyncIteration
        page = await self._rest.call(self._call)
        self._items.extend(page.items)
        self._call = None if page.next_cursor is None else self._call.following(page.next_cursor)


def page_call(path: str, query: Query) -> Call[Page]:
    """Return the call for a page of events.

    Args:
        path: The path of a stream's events, or of all events.
        query: The parameters of the URL's query.
    """
    return Call(method="GET", path=path, parse=_parse, query=query)


def _parse(reply: Reply) -> Page:
    page, events = message_with_events(decoded(reply.body))
    if events is None:
        raise KeyError("events")
    following, cursor = (str(page[name]) if name in page else None for name in ("next", "cursor"))
    return Page(events, parse_loss(page), following, cursor)
