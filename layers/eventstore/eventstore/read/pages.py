"""Reading events page by page: of one stream by sequence, of all streams by the time they were stored.

A page ends when it is full, at the end of the log, or when its time is over. Then it may be short or empty, and its
cursor continues after all events that were tested.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from eventstore.errors import InvalidQuery, NewEpoch
from eventstore.positions import BEGINNING, END, Cursor, Epoch, Position, StreamCursor
from eventstore.read.gaps import NO_GAPS, Crossed, Gaps, StreamLosses, lost_between
from eventstore.read.long_poll import first_read
from eventstore.read.merging import Merge
from eventstore.read.selection import EVERYTHING, Selection
from eventstore.streams import StreamName, partition_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.ports import Log, Slice, Tail
    from eventstore.streams import StreamState

__all__ = ["AllQuery", "Page", "StreamPage", "StreamQuery", "current", "read_all", "read_stream"]

_MAX_STEP = 2_000
"""The maximum number of events per step, where a filter excludes most of them: some 20 ms."""

_MAX_STREAM_STEP = 512
"""The same for one stream, whose events are in memory together: at 256 KiB each, 128 MiB."""

_STEP_BYTES = 16 * 1024 * 1024
"""The bytes that a step reads of a stream, as far as the previous step predicts the size of events."""

_GROWTH = 4
"""The factor by which steps grow: frequent matches need few events, rare ones few steps."""

_CLOCK_INTERVAL = 64
"""How many events are decoded and tested between two checks of the time."""

_FOREVER = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class StreamQuery:
    """A query for events of one stream.

    Attributes:
        start: The lowest sequence.
        stop: The highest sequence.
        limit: The maximum number of events of a page.
        cursor: The `next` of an earlier page.
        backwards: Newest event first.
        selection: The events to select.
        wait_seconds: How long to wait for a first event, if there is none yet.
    """

    start: int = 1
    stop: int = _FOREVER
    limit: int = 100
    cursor: str | None = None
    backwards: bool = False
    selection: Selection = EVERYTHING
    wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class AllQuery:
    """A query for events of all streams; for the attributes, see `StreamQuery`."""

    limit: int = 100
    cursor: str | None = None
    backwards: bool = False
    selection: Selection = EVERYTHING


@dataclass(frozen=True, slots=True)
class Page:
    """Events of many streams.

    Attributes:
        events: The events. There may be fewer than the limit, or none, although more follow.
        next: The cursor of the next page; None if this page reaches the end.
        cursor: The end of this page, from which a later query continues when there are more events.
        lost: The events before `cursor` that were removed before the reader reached them.
    """

    events: Sequence[RecordedEvent]
    next: str | None
    cursor: str
    lost: Gaps = NO_GAPS


@dataclass(frozen=True, slots=True)
class StreamPage:
    """Events of one stream, and its state and epoch when they were read; for the others, see `Page`."""

    events: Sequence[RecordedEvent]
    next: str | None
    state: StreamState
    epoch: Epoch
    lost: Gaps = NO_GAPS


def _always() -> bool:
    return True


def current(log: Log, stream: StreamName) -> Slice:
    """Return the state of a stream and the epoch of its partition, by a read without events.

    Args:
        log: The log that holds the stream.
        stream: The name of the stream.

    Raises:
        StreamNotFound, StreamGone: See `Log.read`.
    """
    return log.read(stream, start=_FOREVER, stop=_FOREVER, count=1)


def read_stream(
    log: Log, stream: StreamName, query: StreamQuery, *, may_go_on: Callable[[], bool] = _always
) -> StreamPage:
    """Read a page of a stream.

    Args:
        log: The log that holds the stream.
        stream: The name of the stream.
        query: The events to read.
        may_go_on: Whether there is time for another step; the first step is always done.

    Raises:
        StreamNotFound, StreamGone: See `Log.read`.
        NewEpoch: The store was reset since the cursor was issued.
    """
    start, stop = _window(query)
    cursor = StreamCursor.parse(query.cursor) if query.cursor else None

    def read_from_start() -> Slice:
        return _read_step(log, stream, query, (start, stop), query.limit)

    read = first_read(log, stream, read_from_start, start=start, seconds=query.wait_seconds)
    if cursor and cursor.epoch != read.epoch:
        raise NewEpoch
    # The epoch of the first step: if the store is renewed during the others, the cursor of the page is refused.
    epoch = read.epoch
    losses = StreamLosses(stream, read.state.first, cursor=cursor, backwards=query.backwards)
    # The path of the request names the stream, which the query need not repeat.
    selection, count = replace(query.selection, streams=(stream,)), query.limit
    events: list[RecordedEvent] = []
    while True:
        losses.compare(read.state.first, start, stop)
        reached, past = read.reached, False
        for number, event in enumerate(read.events, 1):
            past = selection.is_past(event, backwards=query.backwards)
            if selection.matches(event):
                events.append(event)
            if past or len(events) == query.limit or (number % _CLOCK_INTERVAL == 0 and not may_go_on()):
                reached = event.sequence
                break
        if reached is not None:
            start, stop = _beyond(reached, start, stop, query)
        more = reached is not None and not past and max(start, read.state.first) <= min(stop, read.state.head)
        if not more or len(events) == query.limit or not may_go_on():
            break
        if not selection.filter.is_everything:
            count = _next_count(count, read)
        read = _read_step(log, stream, query, (start, stop), count)
    end = StreamCursor(epoch, stop, read.state.first) if query.backwards else StreamCursor(epoch, start)
    return StreamPage(events, end.token() if more else None, read.state, epoch, losses.gaps)


def _next_count(count: int, read: Slice) -> int:
    """Return the number of events of the next step, by the size of those of this one."""
    # If the stream had fewer events than `count`, their size is underestimated; the next step corrects that.
    return max(1, min(count * _GROWTH, _MAX_STREAM_STEP, _STEP_BYTES * count // max(read.size, 1)))


def _read_step(log: Log, stream: StreamName, query: StreamQuery, window: tuple[int, int], count: int) -> Slice:
    start, stop = window
    clauses = query.selection.filter.clauses
    return log.read(stream, start=start, stop=stop, count=count, backwards=query.backwards, clauses=clauses)


def _window(query: StreamQuery) -> tuple[int, int]:
    start, stop = query.start, query.stop
    if query.cursor:
        sequence = StreamCursor.parse(query.cursor).sequence
        start, stop = (start, min(stop, sequence)) if query.backwards else (max(start, sequence), stop)
    return start, stop


def _beyond(sequence: int, start: int, stop: int, query: StreamQuery) -> tuple[int, int]:
    return (start, sequence - 1) if query.backwards else (sequence + 1, stop)


def read_all(log: Log, query: AllQuery, *, may_go_on: Callable[[], bool] = _always) -> Page:
    """Read a page of the events of all streams, by the time they were stored; those of one stream are in its order.

    Args:
        log: The log that holds the streams.
        query: The events to read.
        may_go_on: Whether there is time for another step; the first step is always done.

    Raises:
        NewEpoch: One of the partitions read was reset since the cursor was issued.
        InvalidQuery: The cursor was issued for other streams.
    """
    concerned = sorted({partition_of(s, log.partitions) for s in query.selection.streams}) or range(log.partitions)
    given = Cursor.merged([query.cursor]) if query.cursor else Cursor({})
    began = _start(log, query, concerned, given.places)
    merge = Merge(began, log.times(began), query.selection, backwards=query.backwards)
    # Each partition is read for twice its share of the page; if it holds more of the page, another step follows.
    share = query.limit if len(concerned) == 1 else 2 * query.limit // len(concerned) + 1
    first: dict[int, Tail] = {}
    tails: dict[int, Tail] = {}
    events: list[RecordedEvent] = []
    while True:
        read = log.tail(
            merge.behind(),
            count=share,
            backwards=query.backwards,
            streams=query.selection.streams,
            clauses=query.selection.filter.clauses,
        )
        tails |= read
        first = first or dict(read)
        # The cursor gets the epochs of the first step, as in `read_stream`.
        if query.cursor and any(given.places[p][0] != tail.epoch for p, tail in read.items()):
            raise NewEpoch
        merge.add(read, may_go_on)
        events += merge.take(query.limit - len(events))
        if merge.is_done or len(events) == query.limit or not may_go_on():
            break
        if not query.selection.filter.is_everything:
            share = max(share, min(share * _GROWTH, _MAX_STEP // len(merge.behind())))
    after = merge.places()
    # A reader without a cursor misses nothing so far; from now on, events that are removed ahead of it are lost.
    since = {p: given.removals.get(p, 0) if query.cursor else first[p].removals for p in concerned}
    crossed = Crossed(began, after, merge.ended, query.backwards, merge.read())
    lost, serials = lost_between(log, crossed, tails, since, query.selection)
    token = Cursor({p: (first[p].epoch, position) for p, position in after.items()}, serials).token()
    return Page(events, None if merge.is_done else token, token, lost)


def _start(
    log: Log, query: AllQuery, concerned: Sequence[int], given: Mapping[int, tuple[Epoch, Position]]
) -> Mapping[int, Position]:
    if query.cursor:
        if not given.keys() >= set(concerned):
            raise InvalidQuery("the cursor was given for another query; use it with the same stream", pointer="cursor")
        return {p: given[p][1] for p in concerned}
    if query.backwards:
        until = query.selection.until
        return dict.fromkeys(concerned, END) if until is None else log.positions_at(until - 1, concerned)
    since = query.selection.since
    return dict.fromkeys(concerned, BEGINNING) if since is None else log.positions_at(since - 1, concerned)
