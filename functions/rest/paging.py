"""Pages that fit into an answer, however large their events are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from eventstore.gaps import NO_GAPS
from eventstore.reading import AllQuery, Page, StreamPage, StreamQuery

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["fitting", "within"]

_BUDGET = 4_400_000
"""Bytes of a page's events: as Base64 they grow by a third, and Lambda allows an answer 6 MB (Lambda quotas)."""

_STEP = 100
"""Events of the first read: at 256 KiB each they fit into memory. Later ones go by the size of what was seen."""

QueryT = TypeVar("QueryT", AllQuery, StreamQuery)
PageT = TypeVar("PageT", Page, StreamPage)


def fitting(read: Callable[[QueryT], PageT], query: QueryT) -> tuple[PageT, list[bytes]]:
    """The events that a query asks for, encoded, as many as fit: at least one, if there is any.

    The page is the last one that was read: where it ends, this one does. What is lost is that of all of them.
    """
    events: list[bytes] = []
    lost = NO_GAPS
    used = 0
    step = min(query.limit, _STEP)
    page: PageT | None = None
    while True:
        found = read(replace(query, limit=step, cursor=page.next if page else query.cursor))
        encoded = [event.encoded() for event in found.events]
        fit = _fit(encoded, _BUDGET - used)
        if fit < len(encoded):
            if page and not fit:
                return replace(page, lost=lost), events
            # Read again, no more than fits, so that `next` goes on right behind it.
            step = max(fit, 1)
            continue
        page = found
        lost = lost.with_more(page.lost)
        events += encoded
        used += sum(map(len, encoded))
        # A page that came short has looked far enough for one request.
        if page.next is None or len(encoded) < step or len(events) == query.limit:
            return replace(page, lost=lost), events
        room = (_BUDGET - used) * len(events) // used
        step = max(1, min(query.limit - len(events), room))


def within(encoded: list[bytes]) -> int:
    """How many items of a list one answer holds: at least one, if there is any."""
    return max(_fit(encoded, _BUDGET), min(len(encoded), 1))


def _fit(encoded: list[bytes], room: int) -> int:
    """How many events fit into the room; the limits of a publish see to it that one fits an empty page."""
    for count, event in enumerate(encoded):
        room -= len(event) + 1
        if room < 0:
            return count
    return len(encoded)
