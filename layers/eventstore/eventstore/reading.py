"""Reading events page by page: of one stream by sequence, of all streams by the time they were stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.errors import InvalidQuery, NewEpoch, StreamNotFound
from eventstore.gaps import NO_GAPS, Crossed, Gaps, joined, lost_between
from eventstore.positions import BEGINNING, Cursor, Place, Position
from eventstore.selections import EVERYTHING, Selection
from eventstore.streams import partition_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.events import RecordedEvent
    from eventstore.gaps import Range
    from eventstore.ports import Log, Slice, Tail
    from eventstore.streams import StreamState

__all__ = ["AllQuery", "Page", "StreamPage", "StreamQuery", "read_all", "read_stream"]

_SCAN = 10
"""A page looks at that many times its limit before it is handed over short, so that a rare match costs many
short requests rather than one that times out."""

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


def read_stream(log: Log, stream: str, query: StreamQuery) -> StreamPage:
    """One page of a stream.

    Raises:
        StreamNotFound, StreamGone: As `Log.read` says.
        NewEpoch: The store was made anew since the cursor was given.
    """
    start, stop = _window(query)
    found = _first(log, stream, query, start, stop)
    if query.cursor and Place.parse(query.cursor).epoch != found.epoch:
        raise NewEpoch
    # Of the first read: should the store be renewed during the others, the page's cursor is refused.
    epoch = found.epoch
    kept = _Kept(stream, query, found.state.first)
    wanted: list[RecordedEvent] = []
    scanned = 0
    while True:
        kept.compare(found.state.first, start, stop)
        events = found.events
        for looked_at, event in enumerate(events, 1):
            if query.selection.matches(event):
                wanted.append(event)
                if len(wanted) == query.limit:
                    events = events[:looked_at]
                    break
        scanned += len(events)
        if events:
            start, stop = _beyond(events[-1].sequence, start, stop, query)
        past = bool(events) and query.selection.is_past(events[-1], backwards=query.backwards)
        more = bool(events) and not past and max(start, found.state.first) <= min(stop, found.state.head)
        if not more or len(wanted) == query.limit or scanned >= query.limit * _SCAN:
            break
        found = log.read(stream, start=start, stop=stop, count=query.limit, backwards=query.backwards)
    place = Place(epoch, stop, found.state.first) if query.backwards else Place(epoch, start)
    return StreamPage(wanted, place.token() if more else None, found.state, epoch, kept.gaps)


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
        place = Place.parse(query.cursor)
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
        place = Place.parse(query.cursor).sequence
        start, stop = (start, min(stop, place)) if query.backwards else (max(start, place), stop)
    return start, stop


def _beyond(sequence: int, start: int, stop: int, query: StreamQuery) -> tuple[int, int]:
    return (start, sequence - 1) if query.backwards else (sequence + 1, stop)


def _first(log: Log, stream: str, query: StreamQuery, start: int, stop: int) -> Slice:
    def read() -> Slice:
        return log.read(stream, start=start, stop=stop, count=query.limit, backwards=query.backwards)

    if not query.wait:
        return read()
    try:
        found = read()
    except StreamNotFound:
        log.wait(stream, after=0, seconds=query.wait)
        return read()
    if not found.events and start > found.state.head:
        log.wait(stream, after=start - 1, seconds=query.wait)
        return read()
    return found


def read_all(log: Log, query: AllQuery) -> Page:
    """One page of all streams' events, by the time they were stored; those of one stream stand in its order.

    Raises:
        NewEpoch: The store, or a partition of it that is concerned, was made anew since the cursor was given.
    """
    concerned = sorted({partition_of(s, log.partitions) for s in query.selection.streams}) or range(log.partitions)
    given = Cursor.merged([query.cursor]) if query.cursor else Cursor({})
    began = after = _start(query, concerned, given.places)
    # Each partition is asked for twice its share; where it holds more of the page than that, another round follows.
    share = query.limit if len(concerned) == 1 else 2 * query.limit // len(concerned) + 1
    first: Mapping[int, Tail] = {}
    wanted: list[RecordedEvent] = []
    read: list[RecordedEvent] = []
    scanned = 0
    while True:
        tails = log.tail(after, count=share, backwards=query.backwards)
        first = first or tails
        # Of the first round, as in `read_stream`.
        if query.cursor and any(given.places[p][0] != tails[p].epoch for p in concerned):
            raise NewEpoch
        merged = _merge(tails, after, query, wanted)
        after = merged.after
        read += merged.read
        scanned += max(len(merged.read), 1)
        if not merged.more or len(wanted) == query.limit or scanned >= query.limit * _SCAN:
            break
    # Who begins reads what is there; from then on, what is removed ahead of the reader is lost to it.
    since = {p: given.removals.get(p, 0) if query.cursor else first[p].removals for p in concerned}
    crossed = Crossed(began, after, merged.ended, query.backwards, read)
    lost, told = lost_between(log, crossed, tails, since, query.selection)
    token = Cursor({p: (first[p].epoch, position) for p, position in after.items()}, told).token()
    return Page(wanted, token if merged.more else None, token, lost)


@dataclass(frozen=True, slots=True)
class _Merged:
    after: Mapping[int, Position]
    read: Sequence[RecordedEvent]
    more: bool
    ended: frozenset[int]


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


def _merge(
    tails: Mapping[int, Tail], after: Mapping[int, Position], query: AllQuery, wanted: list[RecordedEvent]
) -> _Merged:
    """Take events in order of time, as far as that order is known: a partition that has more may hold the next one."""
    sign = -1 if query.backwards else 1
    known = min(((sign * t.position.time, sign * p) for p, t in tails.items() if not t.at_end), default=(_FOREVER, 0))
    keyed = sorted(
        (sign * at.time, sign * partition, index)
        for partition, tail in tails.items()
        for index, (at, _) in enumerate(tail.events)
    )
    taken = dict.fromkeys(tails, 0)
    limited = past = False
    for time, signed, index in keyed:
        if limited or (time, signed) > known:
            break
        partition = sign * signed
        event = tails[partition].events[index][1]
        if query.selection.is_past(event, backwards=query.backwards):
            past = True
            break
        taken[partition] = index + 1
        if query.selection.matches(event):
            wanted.append(event)
            limited = len(wanted) == query.limit
    reached = {p: _reached(tail, taken[p], after[p]) for p, tail in tails.items()}
    read = [event for p, tail in tails.items() for _, event in tail.events[: taken[p]]]
    # All others before that time were read as well.
    ended = frozenset(p for p, tail in tails.items() if past or (tail.at_end and taken[p] == len(tail.events)))
    return _Merged(reached, read, more=len(ended) < len(tails), ended=ended)


def _reached(tail: Tail, taken: int, before: Position) -> Position:
    if taken == len(tail.events):
        return tail.position
    return tail.events[taken - 1][0] if taken else before
