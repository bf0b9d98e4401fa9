"""Pages that fit into an answer, however large their events are."""

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
"""Milliseconds that a page spends on looking for events, and one step more: whoever asks for few of very many gets a
short page and a cursor in good time. The rest of a request takes some 50 ms, a cold start aside."""

_BUDGET = 4_400_000
"""Bytes of a page's events: as Base64 they grow by a third, and Lambda allows an answer 6 MB (Lambda quotas)."""

_STEP = 100
"""Events of the first read: at 256 KiB each they fit into memory. Later ones go by the size of what was seen."""

QueryT = TypeVar("QueryT", AllQuery, StreamQuery)
PageT = TypeVar("PageT", Page, StreamPage)


def time_for_a_page() -> Callable[[], bool]:
    """Tells whether a page that begins now may look further."""
    now = hub().clock.now
    until = now() + _TIME
    return lambda: now() < until


def fitting(
    read: Callable[[QueryT], PageT], query: QueryT, *, may_go_on: Callable[[], bool]
) -> tuple[PageT, list[bytes]]:
    """The events that a query asks for, encoded, as many as fit: at least one, if there is any.

    The page is the last one that was read: where it ends, this one does. What is lost is that of all of them.

    Args:
        read: Reads a page, as far as there is time.
        query: Which events.
        may_go_on: Whether there is time for another one.
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
        if page.next is None or len(encoded) < step or len(events) == query.limit or not may_go_on():
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
