"""Pages of events, on the log of each adapter."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from eventstore.errors import InvalidQuery, NewEpoch
from eventstore.filters import filter_of_parameters
from eventstore.read.pages import AllQuery, StreamQuery, read_all, read_stream
from eventstore.read.selection import Selection
from eventstore.streams import partition_of
from tests.examples import event, events

if TYPE_CHECKING:
    from eventstore.adapters.redis.log import RedisLog
    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.ports import Log
    from eventstore_hosting.valkey import ValkeyServer
    from tests.examples import FakeClock


@pytest.fixture
def log(each_log: Log) -> Log:
    return each_log


def filled(log: Log, clock: FakeClock, seed: int) -> int:
    """Appends of one to nine events to ten streams, several a millisecond; how many events."""
    random = Random(seed)
    total = 0
    for _ in range(60):
        size = random.choice([1, 1, 1, 2, 9])
        log.append(f"wf-{random.randrange(10)}", [event(f"{total + n}") for n in range(size)])
        total += size
        clock.pass_seconds(random.choice([0, 0, 0.001, 0.5]))
    return total


def pages(log: Log, limit: int, *, backwards: bool = False, **selection: object) -> list[RecordedEvent]:
    seen: list[RecordedEvent] = []
    cursor = None
    wanted = Selection(**selection)  # type: ignore[arg-type]
    while True:
        page = read_all(log, AllQuery(limit=limit, cursor=cursor, backwards=backwards, selection=wanted))
        assert len(page.events) <= limit
        seen += page.events
        if page.next is None:
            return seen
        cursor = page.next


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("limit", [1, 3, 10, 1000])
def test_pages_of_all_streams_hold_every_event_once_by_the_time_it_was_stored(
    log: Log, clock: FakeClock, seed: int, limit: int
) -> None:
    total = filled(log, clock, seed)
    seen = pages(log, limit)
    assert len({(e.stream, e.sequence) for e in seen}) == len(seen) == total
    assert [e.time for e in seen] == sorted(e.time for e in seen)


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_each_stream_stands_in_its_order(log: Log, clock: FakeClock, limit: int) -> None:
    filled(log, clock, 1)
    seen = pages(log, limit)
    for stream in {e.stream for e in seen}:
        sequences = [e.sequence for e in seen if e.stream == stream]
        assert sequences == list(range(1, len(sequences) + 1))


@pytest.mark.parametrize("limit", [1, 3, 10, 1000])
def test_backwards_is_the_same_the_other_way_round(log: Log, clock: FakeClock, limit: int) -> None:
    filled(log, clock, 2)
    assert pages(log, limit, backwards=True) == pages(log, 1000)[::-1]


@pytest.mark.parametrize("backwards", [False, True])
def test_a_window_of_time_is_read(log: Log, clock: FakeClock, *, backwards: bool) -> None:
    filled(log, clock, 3)
    everything = pages(log, 1000)
    since, until = everything[20].time, everything[60].time
    wanted = [e for e in everything if since <= e.time < until]
    seen = pages(log, 7, backwards=backwards, since=since, until=until)
    assert seen == (wanted[::-1] if backwards else wanted)


def test_the_end_is_a_place_to_go_on_from(log: Log, clock: FakeClock) -> None:
    filled(log, clock, 4)
    end = read_all(log, AllQuery(limit=1000)).cursor
    log.append("later", events(2))
    assert [e.stream for e in read_all(log, AllQuery(cursor=end)).events] == ["later", "later"]


def test_streams_that_are_named_are_read_alone(log: Log, clock: FakeClock) -> None:
    filled(log, clock, 5)
    seen = pages(log, 7, streams=("wf-3", "wf-4"))
    assert {e.stream for e in seen} == {"wf-3", "wf-4"}


def test_a_cursor_belongs_to_its_query(log: Log) -> None:
    log.append("wf-1", events(1))
    cursor = read_all(log, AllQuery(selection=Selection(streams=("wf-1",)))).cursor
    with pytest.raises(InvalidQuery):
        read_all(log, AllQuery(cursor=cursor))


def test_a_cursor_of_all_streams_serves_for_some_of_them(log: Log) -> None:
    log.append("wf-1", events(1))
    cursor = read_all(log, AllQuery()).cursor
    log.append("wf-1", [event("2")])
    page = read_all(log, AllQuery(cursor=cursor, selection=Selection(streams=("wf-1",))))
    assert [(e.stream, e.sequence) for e in page.events] == [("wf-1", 2)]


class TestOfOneStream:
    def test_pages_join_forwards_and_backwards(self, log: Log) -> None:
        log.append("wf", events(23))
        for backwards in (False, True):
            seen: list[int] = []
            cursor = None
            while True:
                page = read_stream(log, "wf", StreamQuery(limit=5, cursor=cursor, backwards=backwards))
                seen += [e.sequence for e in page.events]
                if page.next is None:
                    break
                cursor = page.next
            assert seen == sorted(range(1, 24), reverse=backwards)

    def test_a_page_that_reaches_the_end_has_no_next(self, log: Log) -> None:
        log.append("wf", events(5))
        assert read_stream(log, "wf", StreamQuery(limit=5)).next is None

    def test_a_window_has_no_next_beyond_it(self, log: Log) -> None:
        log.append("wf", events(9))
        page = read_stream(log, "wf", StreamQuery(start=3, stop=5, limit=3))
        assert ([e.sequence for e in page.events], page.next) == ([3, 4, 5], None)

    def test_a_filter_leads_through_all_of_it(self, log: Log) -> None:
        log.append("wf", [event(str(n), subject=str(n % 2)) for n in range(300)])
        seen: list[int] = []
        cursor = None
        while True:
            query = StreamQuery(limit=3, cursor=cursor, selection=Selection(filter_of_parameters({"subject": ["1"]})))
            page = read_stream(log, "wf", query)
            seen += [e.sequence for e in page.events]
            if page.next is None:
                break
            cursor = page.next
        assert seen == list(range(2, 301, 2))


class TestMadeAnew:
    """The data of Redis was lost since a cursor was given."""

    @pytest.fixture
    def log(self, redis_log: RedisLog) -> RedisLog:
        return redis_log

    @pytest.fixture
    def cursors(self, log: RedisLog, valkey: ValkeyServer) -> tuple[str | None, str]:
        log.append("wf", events(5))
        given = read_stream(log, "wf", StreamQuery(limit=2)).next, read_all(log, AllQuery(limit=2)).cursor
        with Redis.from_url(valkey.url) as client:
            client.flushall()
        log.append("wf", events(5))
        return given

    def test_a_cursor_into_one_stream_is_refused(self, log: RedisLog, cursors: tuple[str | None, str]) -> None:
        with pytest.raises(NewEpoch):
            read_stream(log, "wf", StreamQuery(limit=2, cursor=cursors[0]))

    def test_a_cursor_into_all_streams_is_refused(self, log: RedisLog, cursors: tuple[str | None, str]) -> None:
        with pytest.raises(NewEpoch):
            read_all(log, AllQuery(limit=2, cursor=cursors[1]))

    def test_a_partition_that_is_not_concerned_does_not_matter(self, log: RedisLog, valkey: ValkeyServer) -> None:
        log.append("wf-1", events(1))
        cursor = read_all(log, AllQuery()).cursor
        other = (partition_of("wf-1", log.partitions) + 1) % log.partitions
        with Redis.from_url(valkey.url) as client:
            client.delete(f"{{p{other}}}:partition")
        assert read_all(log, AllQuery(cursor=cursor, selection=Selection(streams=("wf-1",)))).events == []
        with pytest.raises(NewEpoch):
            read_all(log, AllQuery(cursor=cursor))
