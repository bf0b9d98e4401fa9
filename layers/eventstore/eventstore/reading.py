"""Reading events page by page: of one stream by sequence, of all streams by the time they were stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.errors import InvalidQuery, NewEpoch, StreamNotFound
from eventstore.positions import BEGINNING, Cursor, Place, Position
from eventstore.selections import EVERYTHING, Selection
from eventstore.streams import partition_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.events import RecordedEvent
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
    """

    events: Sequence[RecordedEvent]
    next: str | None
    cursor: str


@dataclass(frozen=True, slots=True)
class StreamPage:
    """Events of one stream, and the stream as it was when they were read; `next` as in `Page`."""

    events: Sequence[RecordedEvent]
    next: str | None
    state: StreamState
    epoch: str


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
    wanted: list[RecordedEvent] = []
    scanned = 0
    while True:
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
    place = Place(epoch, stop if query.backwards else start)
    return StreamPage(wanted, place.token() if more else None, found.state, epoch)


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
    given = Cursor.merged([query.cursor]).places if query.cursor else {}
    after = _start(query, concerned, given)
    # Each partition is asked for twice its share; where it holds more of the page than that, another round follows.
    share = query.limit if len(concerned) == 1 else 2 * query.limit // len(concerned) + 1
    epochs: dict[int, str] = {}
    wanted: list[RecordedEvent] = []
    scanned = 0
    while True:
        tails = log.tail(after, count=share, backwards=query.backwards)
        # Of the first round, as in `read_stream`.
        epochs = epochs or {p: tails[p].epoch for p in concerned}
        if query.cursor and any(given[p][0] != tails[p].epoch for p in concerned):
            raise NewEpoch
        merged = _merge(tails, after, query, wanted)
        after = merged.after
        scanned += max(merged.scanned, 1)
        if not merged.more or len(wanted) == query.limit or scanned >= query.limit * _SCAN:
            break
    token = Cursor({p: (epochs[p], position) for p, position in after.items()}).token()
    return Page(wanted, token if merged.more else None, token)


@dataclass(frozen=True, slots=True)
class _Merged:
    after: Mapping[int, Position]
    scanned: int
    more: bool


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
    limited = False
    for time, signed, index in keyed:
        if limited or (time, signed) > known:
            break
        partition = sign * signed
        event = tails[partition].events[index][1]
        if query.selection.is_past(event, backwards=query.backwards):
            return _Merged(after, sum(taken.values()), more=False)
        taken[partition] = index + 1
        if query.selection.matches(event):
            wanted.append(event)
            limited = len(wanted) == query.limit
    reached = {p: _reached(tail, taken[p], after[p]) for p, tail in tails.items()}
    more = any(not tail.at_end or taken[p] < len(tail.events) for p, tail in tails.items())
    return _Merged(reached, sum(taken.values()), more=more)


def _reached(tail: Tail, taken: int, before: Position) -> Position:
    if taken == len(tail.events):
        return tail.position
    return tail.events[taken - 1][0] if taken else before
