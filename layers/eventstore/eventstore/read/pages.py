"""Reading events page by page: of one stream by sequence, of all streams by the time they were stored.

A page is handed over when it is full, when the end is reached, or when its time is over: then it is short, perhaps
empty, and its cursor goes on behind all that was looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.errors import InvalidQuery, NewEpoch, StreamNotFound
from eventstore.filters import EVERYTHING as ANY_ATTRIBUTES
from eventstore.positions import BEGINNING, Cursor, Position, StreamCursor
from eventstore.read.gaps import NO_GAPS, Crossed, Gaps, joined, lost_between
from eventstore.read.merging import Merge
from eventstore.read.selection import EVERYTHING, Selection
from eventstore.streams import partition_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.ports import Log, Slice, Tail
    from eventstore.read.gaps import Range
    from eventstore.streams import StreamState

__all__ = ["AllQuery", "Page", "StreamPage", "StreamQuery", "current", "read_all", "read_stream"]

_AT_ONCE = 2_000
"""Events that one step looks at, at most, where a filter leaves out most of them: some 20 ms."""

_OF_A_STREAM = 512
"""The same of one stream, whose events are in memory all at once: at 256 KiB each, 128 MiB."""

_BYTES = 16 * 1024 * 1024
"""Bytes that one step reads of a stream, unless its events become larger from one step to the next."""

_GROWTH = 4
"""A step looks at that many times the events of the one before it: a match that is not rare is found by few."""

_CHECKED = 64
"""Events that are decoded and tested from one look at the clock to the next."""

_END = Position((1 << 63) - 1, 0, 0)
_FOREVER = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class StreamQuery:
    """Which events of one stream.

    Attributes:
        start: The least sequence wanted.
        stop: The greatest sequence wanted.
        limit: The most events of a page.
        cursor: Where an earlier page ended.
        backwards: Newest first.
        selection: Which of them.
        wait: Seconds to wait for a first event, if there is none yet.
    """

    start: int = 1
    stop: int = _FOREVER
    limit: int = 100
    cursor: str | None = None
    backwards: bool = False
    selection: Selection = EVERYTHING
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class AllQuery:
    """Which events of all streams; the attributes as in `StreamQuery`."""

    limit: int = 100
    cursor: str | None = None
    backwards: bool = False
    selection: Selection = EVERYTHING


@dataclass(frozen=True, slots=True)
class Page:
    """Events of many streams.

    Attributes:
        events: May be fewer than asked for, even none, with more to come: `next` says so.
        next: The cursor of the next page; None if this one reaches the end.
        cursor: Where this page ends. Kept, it reads on later, when there is more.
        lost: What the reader does not get of what lies before that.
    """

    events: Sequence[RecordedEvent]
    next: str | None
    cursor: str
    lost: Gaps = NO_GAPS


@dataclass(frozen=True, slots=True)
class StreamPage:
    """Events of one stream, and the stream as it was when they were read; the others as in `Page`."""

    events: Sequence[RecordedEvent]
    next: str | None
    state: StreamState
    epoch: str
    lost: Gaps = NO_GAPS


def _always() -> bool:
    return True


def current(log: Log, stream: str) -> Slice:
    """A stream's state, and the epoch of its partition, at the cost of a read that finds no event.

    Raises:
        StreamNotFound, StreamGone: As `Log.read` says.
    """
    return log.read(stream, start=_FOREVER, stop=_FOREVER, count=1)


def read_stream(log: Log, stream: str, query: StreamQuery, *, may_go_on: Callable[[], bool] = _always) -> StreamPage:
    """One page of a stream.

    Args:
        log: Where it is kept.
        stream: Its name.
        query: Which events.
        may_go_on: Whether there is time for more; at least one step is done in any case.

    Raises:
        StreamNotFound, StreamGone: As `Log.read` says.
        NewEpoch: The store was made anew since the cursor was given.
    """
    start, stop = _window(query)
    found = _first(log, stream, query, start, stop)
    if query.cursor and StreamCursor.parse(query.cursor).epoch != found.epoch:
        raise NewEpoch
    # Of the first read: should the store be renewed during the others, the page's cursor is refused.
    epoch = found.epoch
    kept = _Kept(stream, query, found.state.first)
    selection, count = query.selection, query.limit
    wanted: list[RecordedEvent] = []
    while True:
        kept.compare(found.state.first, start, stop)
        reached, past = found.reached, False
        for number, event in enumerate(found.events, 1):
            past = selection.is_past(event, backwards=query.backwards)
            if selection.matches(event):
                wanted.append(event)
            if past or len(wanted) == query.limit or (number % _CHECKED == 0 and not may_go_on()):
                reached = event.sequence
                break
        if reached is not None:
            start, stop = _beyond(reached, start, stop, query)
        more = reached is not None and not past and max(start, found.state.first) <= min(stop, found.state.head)
        if not more or len(wanted) == query.limit or not may_go_on():
            break
        if selection.filter != ANY_ATTRIBUTES:
            count = _more(count, found)
        found = _step(log, stream, query, (start, stop), count)
    place = StreamCursor(epoch, stop, found.state.first) if query.backwards else StreamCursor(epoch, start)
    return StreamPage(wanted, place.token() if more else None, found.state, epoch, kept.gaps)


def _more(count: int, found: Slice) -> int:
    """How many events the next step may look at, by the size of those of this one."""
    # `count` may be more than was there: their size is then thought smaller than it is, and the next step corrects it.
    return max(1, min(count * _GROWTH, _OF_A_STREAM, _BYTES * count // max(found.size, 1)))


def _step(log: Log, stream: str, query: StreamQuery, window: tuple[int, int], count: int) -> Slice:
    start, stop = window
    clauses = query.selection.filter.clauses
    return log.read(stream, start=start, stop=stop, count=count, backwards=query.backwards, clauses=clauses)


class _Kept:
    """Follows what a stream keeps while it is read: what is removed before the reader comes to it is lost to it.

    To a reader that begins, nothing is lost: it reads what is there.
    """

    def __init__(self, stream: str, query: StreamQuery, first: int) -> None:
        self._stream = stream
        self._first = first
        self._more = False
        self._ranges: list[Range] = []
        if not query.cursor:
            return
        place = StreamCursor.parse(query.cursor)
        # Onwards, all from there on was kept, or still to come.
        self._first = place.first if query.backwards else place.sequence
        if query.backwards and not place.first:
            # An earlier version's cursor says no more than that its own event was kept.
            self._first = min(first, place.sequence)
            self._more = self._first < first

    @property
    def gaps(self) -> Gaps:
        """What was lost by now."""
        return Gaps(joined(self._ranges), complete=not self._more)

    def compare(self, first: int, start: int, stop: int) -> None:
        """See what the stream keeps now, with `start` to `stop` yet to be read."""
        lost = max(self._first, start), min(first - 1, stop)
        if lost[0] <= lost[1]:
            self._ranges.append((self._stream, *lost))
        self._first = max(first, self._first)


def _window(query: StreamQuery) -> tuple[int, int]:
    start, stop = query.start, query.stop
    if query.cursor:
        place = StreamCursor.parse(query.cursor).sequence
        start, stop = (start, min(stop, place)) if query.backwards else (max(start, place), stop)
    return start, stop


def _beyond(sequence: int, start: int, stop: int, query: StreamQuery) -> tuple[int, int]:
    return (start, sequence - 1) if query.backwards else (sequence + 1, stop)


def _first(log: Log, stream: str, query: StreamQuery, start: int, stop: int) -> Slice:
    def read() -> Slice:
        return _step(log, stream, query, (start, stop), query.limit)

    if not query.wait:
        return read()
    try:
        found = read()
    except StreamNotFound:
        log.wait(stream, after=0, seconds=query.wait)
        return read()
    if found.reached is None and start > found.state.head:
        log.wait(stream, after=start - 1, seconds=query.wait, since=found.state)
        return read()
    return found


def read_all(log: Log, query: AllQuery, *, may_go_on: Callable[[], bool] = _always) -> Page:
    """One page of all streams' events, by the time they were stored; those of one stream stand in its order.

    Args:
        log: Where they are kept.
        query: Which events.
        may_go_on: Whether there is time for more; at least one step is done in any case.

    Raises:
        NewEpoch: The store, or a partition of it that is concerned, was made anew since the cursor was given.
    """
    concerned = sorted({partition_of(s, log.partitions) for s in query.selection.streams}) or range(log.partitions)
    given = Cursor.merged([query.cursor]) if query.cursor else Cursor({})
    began = _start(query, concerned, given.places)
    merge = Merge(began, query.selection, backwards=query.backwards)
    # Each partition is asked for twice its share; where it holds more of the page than that, another step follows.
    share = query.limit if len(concerned) == 1 else 2 * query.limit // len(concerned) + 1
    first: dict[int, Tail] = {}
    tails: dict[int, Tail] = {}
    wanted: list[RecordedEvent] = []
    while True:
        found = log.tail(
            merge.behind(),
            count=share,
            backwards=query.backwards,
            streams=query.selection.streams,
            clauses=query.selection.filter.clauses,
        )
        tails |= found
        first = first or dict(found)
        # Of the first step, as in `read_stream`.
        if query.cursor and any(given.places[p][0] != tail.epoch for p, tail in found.items()):
            raise NewEpoch
        merge.add(found, may_go_on)
        wanted += merge.take(query.limit - len(wanted))
        if merge.is_done or len(wanted) == query.limit or not may_go_on():
            break
        if query.selection.filter != ANY_ATTRIBUTES:
            share = max(share, min(share * _GROWTH, _AT_ONCE // len(merge.behind())))
    after = merge.places()
    # Who begins reads what is there; from then on, what is removed ahead of the reader is lost to it.
    since = {p: given.removals.get(p, 0) if query.cursor else first[p].removals for p in concerned}
    crossed = Crossed(began, after, merge.ended, query.backwards, merge.read())
    lost, told = lost_between(log, crossed, tails, since, query.selection)
    token = Cursor({p: (first[p].epoch, position) for p, position in after.items()}, told).token()
    return Page(wanted, None if merge.is_done else token, token, lost)


def _start(
    query: AllQuery, concerned: Sequence[int], given: Mapping[int, tuple[str, Position]]
) -> Mapping[int, Position]:
    if query.cursor:
        if not given.keys() >= set(concerned):
            raise InvalidQuery("the cursor was given for another query; use it with the same stream", pointer="cursor")
        return {p: given[p][1] for p in concerned}
    if query.backwards:
        until = query.selection.until
        return dict.fromkeys(concerned, _END if until is None else Position(until, 0, 0))
    since = query.selection.since
    return dict.fromkeys(concerned, BEGINNING if since is None else Position(max(since - 1, 0), _FOREVER, 0))
