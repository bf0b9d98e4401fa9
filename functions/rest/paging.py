"""Pages that fit into a response, however large their events are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from eventstore.read.gaps import NO_GAPS
from eventstore.read.pages import AllQuery, Page, StreamPage, StreamQuery
from functions.hub import hub

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["fitting", "time_for_a_page", "within"]

_TIME = 400
"""Milliseconds after which a page begins no further read: a filter that matches few of very many events yields a short
page with a cursor instead of a timeout. The rest of a request takes some 50 ms, except for a cold start."""

_BUDGET = 4_400_000
"""Bytes of a page's events: Base64 adds a third, and Lambda limits a response to 6 MB (Lambda quotas)."""

_STEP = 100
"""Events of the first read: at 256 KiB each they fit into memory. Later reads use the average size of an event."""

QueryT = TypeVar("QueryT", AllQuery, StreamQuery)
PageT = TypeVar("PageT", Page, StreamPage)


def time_for_a_page() -> Callable[[], bool]:
    """Return a function that returns whether a page that begins now may read more."""
    now = hub().clock.now
    until = now() + _TIME
    return lambda: now() < until


def fitting(
    read: Callable[[QueryT], PageT], query: QueryT, *, may_go_on: Callable[[], bool]
) -> tuple[PageT, list[bytes]]:
    """Read as many of a query's events as fit into a response: at least one, if there is any.

    Args:
        read: Reads a page.
        query: Selects the events.
        may_go_on: Returns whether there is time for another read.

    Returns:
        The last page that was read, with the gaps of all of them; and the encoded events of all.
    """
    events: list[bytes] = []
    gaps = NO_GAPS
    used = 0
    step = min(query.limit, _STEP)
    page: PageT | None = None
    while True:
        following = read(replace(query, limit=step, cursor=page.next if page else query.cursor))
        encoded = [event.encoded() for event in following.events]
        fitting_count = _count_fitting(encoded, _BUDGET - used)
        if fitting_count < len(encoded):
            if page and not fitting_count:
                return replace(page, lost=gaps), events
            # Read again, only the events that fit, so that `next` continues right after them.
            step = max(fitting_count, 1)
            continue
        page = following
        gaps = gaps.with_more(page.lost)
        events += encoded
        used += sum(map(len, encoded))
        # A short page has used up its time, or there are no more events.
        if page.next is None or len(encoded) < step or len(events) == query.limit or not may_go_on():
            return replace(page, lost=gaps), events
        room = (_BUDGET - used) * len(events) // used
        step = max(1, min(query.limit - len(events), room))


def within(encoded: list[bytes]) -> int:
    """Return how many items of a list fit into a response: at least one, if there is any."""
    return max(_count_fitting(encoded, _BUDGET), min(len(encoded), 1))


def _count_fitting(encoded: list[bytes], room: int) -> int:
    """Return how many events fit into `room` bytes; the limits of a publish ensure that one event fits a page."""
    for count, event in enumerate(encoded):
        room -= len(event) + 1
        if room < 0:
            return count
    return len(encoded)
