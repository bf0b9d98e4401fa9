"""Pages of few events among very many: bounded in time, and complete once they are put together."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis

from eventstore.adapters.redis.keys import partition_keys
from eventstore.adapters.redis.log import RedisLog
from eventstore.filters import filter_of_parameters, parse_filters
from eventstore.read.pages import AllQuery, StreamQuery, read_all, read_stream
from eventstore.read.selection import Selection
from eventstore.streams import Retention, StreamConfig
from tests.examples import FakeClock, event, events

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.ports import Log
    from eventstore.read.gaps import Range
    from eventstore.read.pages import Page, StreamPage
    from eventstore_hosting.valkey import ValkeyServer

_RARE = Selection(filter_of_parameters({"source": ["/rare"]}))
_TICK = 0.1
_BUDGET = 0.4
_STEP = 0.025
"""Seconds that a step of two thousand events takes on a slow machine."""


class SlowLog:
    """A log of which every read takes some time by the clock.

    Attributes:
        reads: How many there were.
    """

    def __init__(self, log: Log, clock: FakeClock, *, seconds: float = _TICK) -> None:
        self._log = log
        self._seconds = seconds
        self._clock = clock
        self.reads = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of any port
        return getattr(self._log, name)

    def tail(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the port has it
        return self._slowly(self._log.tail, *args, **kwargs)

    def read(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the port has it
        return self._slowly(self._log.read, *args, **kwargs)

    def _slowly(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the port has it
        self._clock.pass_seconds(self._seconds)
        self.reads += 1
        return call(*args, **kwargs)


@pytest.fixture
def log(redis_log: RedisLog) -> RedisLog:
    return redis_log


def for_a_while(clock: FakeClock) -> Callable[[], bool]:
    until = clock.now() + _BUDGET * 1000
    return lambda: clock.now() < until


def for_steps(random: Random) -> Callable[[], bool]:
    """Time that is over after any number of looks at the clock."""
    left = iter(range(random.choice([0, 1, 2, 5, 100])))
    return lambda: next(left, None) is not None


def fill(log: Log, clock: FakeClock, count: int, *, rare: Sequence[int], streams: int = 1, batch: int = 500) -> None:
    """So many events, of which those with these numbers come from `/rare`."""
    for number, start in enumerate(range(0, count, batch)):
        clock.pass_seconds(0.001)
        sources = ("/rare" if n in rare else "/common" for n in range(start, min(start + batch, count)))
        log.append(f"wf-{number % streams}", [event(f"{start + n}", source=s) for n, s in enumerate(sources)])


def through_all(
    log: Log, may_go_on: Callable[[], Callable[[], bool]], query: AllQuery
) -> tuple[list[RecordedEvent], list[Page]]:
    pages: list[Page] = []
    cursor = query.cursor
    while not pages or cursor:
        limited = AllQuery(query.limit, cursor, query.backwards, query.selection)
        pages.append(read_all(log, limited, may_go_on=may_go_on()))
        assert len(pages[-1].events) <= query.limit
        cursor = pages[-1].next
    return [found for page in pages for found in page.events], pages


def through_stream(
    log: Log,
    may_go_on: Callable[[], Callable[[], bool]],
    *,
    backwards: bool,
    selection: Selection,
    limit: int = 10,
) -> tuple[list[RecordedEvent], list[StreamPage]]:
    pages: list[StreamPage] = []
    cursor = None
    while not pages or cursor:
        query = StreamQuery(limit=limit, cursor=cursor, backwards=backwards, selection=selection)
        pages.append(read_stream(log, "wf-0", query, may_go_on=may_go_on()))
        cursor = pages[-1].next
    return [found for page in pages for found in page.events], pages


@pytest.mark.parametrize("backwards", [False, True])
class TestTime:
    """A page never takes longer than its time, and one step more."""

    @pytest.fixture
    def log(self, each_log: Log) -> Log:
        return each_log

    def test_a_page_of_all_streams_ends_when_its_time_is_over(
        self, log: Log, clock: FakeClock, *, backwards: bool
    ) -> None:
        fill(log, clock, 30_000, rare=[], streams=40)
        slow: Any = SlowLog(log, clock)
        began = clock.now()
        page = read_all(slow, AllQuery(limit=10, backwards=backwards, selection=_RARE), may_go_on=for_a_while(clock))
        assert (clock.now() - began, slow.reads) == (1000 * _BUDGET, 4)
        assert (page.events, page.next is None) == ([], False)

    def test_a_page_of_one_stream_ends_when_its_time_is_over(
        self, log: Log, clock: FakeClock, *, backwards: bool
    ) -> None:
        fill(log, clock, 5_000, rare=[])
        slow: Any = SlowLog(log, clock)
        query = StreamQuery(limit=10, backwards=backwards, selection=_RARE)
        page = read_stream(slow, "wf-0", query, may_go_on=for_a_while(clock))
        assert (slow.reads, page.events, page.next is None) == (4, [], False)

    def test_it_ends_within_what_was_read_where_testing_events_takes_the_time(
        self, log: Log, clock: FakeClock, *, backwards: bool
    ) -> None:
        fill(log, clock, 1_000, rare=[])
        slowly = _slow_filter(clock)
        began = clock.now()
        page = read_all(log, AllQuery(1000, None, backwards, slowly), may_go_on=for_a_while(clock))
        assert 0 < len(page.events) <= 1000 * _BUDGET + 64
        assert clock.now() - began <= 1000 * _BUDGET + 64
        rest, _ = through_all(log, lambda: for_a_while(clock), AllQuery(1000, page.next, backwards, slowly))
        assert len(page.events) + len(rest) == 1_000

    def test_a_page_without_time_goes_on_nevertheless(self, log: Log, clock: FakeClock, *, backwards: bool) -> None:
        fill(log, clock, 3_000, rare=[7, 1500], streams=3)
        found, _ = through_all(log, lambda: lambda: False, AllQuery(10, None, backwards, _RARE))
        assert len(found) == 2


def _slow_filter(clock: FakeClock) -> Selection:
    wanted = parse_filters([{"prefix": {"source": "/"}}])

    def matches(attributes: Mapping[str, Any]) -> bool:
        clock.pass_seconds(0.001)
        return wanted.matches(attributes)

    return Selection(replace(wanted, matches=matches))


@pytest.mark.parametrize("backwards", [False, True])
class TestRareMatches:
    """One match among very many events is found in three requests."""

    def test_one_in_all_streams_is_found_in_three_requests(
        self, log: RedisLog, clock: FakeClock, *, backwards: bool
    ) -> None:
        fill(log, clock, 60_000, rare=[20_000], streams=50)
        log.index(range(log.partitions))
        slow: Any = SlowLog(log, clock, seconds=_STEP)
        found, pages = through_all(slow, lambda: for_a_while(clock), AllQuery(10, None, backwards, _RARE))
        assert len(found) == 1
        assert len(pages) <= 3

    def test_one_in_a_stream_is_found_in_three_requests(
        self, log: RedisLog, clock: FakeClock, *, backwards: bool
    ) -> None:
        fill(log, clock, 60_000, rare=[20_000])
        log.index(range(log.partitions))
        slow: Any = SlowLog(log, clock, seconds=_STEP)
        found, pages = through_stream(slow, lambda: for_a_while(clock), backwards=backwards, selection=_RARE)
        assert [one.sequence for one in found] == [20_001]
        assert len(pages) <= 3

    def test_what_is_not_indexed_yet_is_found_as_well(
        self, log: RedisLog, clock: FakeClock, *, backwards: bool
    ) -> None:
        fill(log, clock, 20_000, rare=[3_000])
        log.index(range(log.partitions))
        log.append("wf-0", [event("new", source="/rare")])
        found, _ = through_all(log, lambda: for_a_while(clock), AllQuery(10, None, backwards, _RARE))
        assert {one.sequence for one in found} == {3_001, 20_001}
        found, _ = through_stream(log, lambda: for_a_while(clock), backwards=backwards, selection=_RARE)
        assert {one.sequence for one in found} == {3_001, 20_001}


_PARAMETERS: Sequence[Mapping[str, Sequence[str]]] = (
    {"source": ["/s/3"]},
    {"source": ["/s/3", "/s/4"], "type": ["t1"]},
    {"workflowid": ["7"]},
    {"subject": ['a "quoted" \\ Ünï']},
    {"type": ["t*"], "subject": ["none"]},
    {"filter": ["source = '/s/5' AND NOT (type = 't1')"]},
    {"type": ["*"]},
)


@pytest.mark.parametrize("seed", range(6))
def test_pages_put_together_hold_exactly_what_matches(
    each_log: Log, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Whatever is indexed, deleted or removed by then, and wherever the time of each page is over."""
    monkeypatch.setattr("eventstore.adapters.redis.blocks._EVENTS", 8)
    random, log = Random(seed), each_log
    log.create("wf-1", StreamConfig(Retention(max_events=20)))
    number = 0
    for _ in range(120):
        batch = []
        for _ in range(random.choice([1, 1, 2, 9])):
            number += 1
            more: dict[str, str | int | bool] = {"subject": 'a "quoted" \\ Ünï'} if number % 31 == 0 else {}
            more["workflowid"] = random.choice([7, "7", True, "8"])
            data = {"source": "/s/3", "text": '"source":"/s/4"'}
            one = event(f"{number}", source=f"/s/{random.randrange(30)}", type=f"t{number % 3}", data=data, **more)
            batch.append(one)
        log.append(f"wf-{random.randrange(4)}", batch)
        clock.pass_seconds(random.choice([0, 0, 0.001, 0.5]))
        chance = random.random()
        if chance < 0.1:
            log.index(range(log.partitions))
        elif chance < 0.13:
            log.delete(f"wf-{random.randrange(4)}")
        elif chance < 0.16:
            log.trim(f"wf-{random.randrange(4)}")
    everything, _ = through_all(log, lambda: lambda: True, AllQuery(1000))
    for parameters in _PARAMETERS:
        selection = Selection(filter_of_parameters(parameters))
        expected = [one for one in everything if selection.matches(one)]
        of_one = [one for one in expected if one.stream == "wf-0"]
        for backwards in (False, True):
            limit = random.choice([1, 3, 50])
            query = AllQuery(limit, None, backwards, selection)
            found, _ = through_all(log, lambda: for_steps(random), query)
            assert found == (expected[::-1] if backwards else expected), parameters
            found, _ = through_stream(
                log, lambda: for_steps(random), backwards=backwards, selection=selection, limit=limit
            )
            assert found == (of_one[::-1] if backwards else of_one), parameters


@pytest.mark.parametrize("backwards", [False, True])
def test_what_was_removed_from_what_a_page_passes_over_is_said_once(
    each_log: Log, clock: FakeClock, *, backwards: bool
) -> None:
    log = each_log
    fill(log, clock, 6_000, rare=[], batch=50)
    log.append("wf-1", events(3))
    log.index(range(log.partitions))
    first = read_all(log, AllQuery(1, None, backwards, Selection()))
    log.delete("wf-0")
    _, pages = through_all(log, lambda: lambda: False, AllQuery(10, first.cursor, backwards, _RARE))
    lost: list[Range] = [one for page in pages for one in page.lost.ranges]
    begun = {(one.stream, one.sequence) for one in first.events}
    assert sum(last - low + 1 for stream, low, last in lost if stream == "wf-0") == 6_000 - len(begun & {("wf-0", 1)})
    assert len(lost) == len(set(lost))


def test_the_index_keeps_nothing_of_what_the_log_no_longer_holds(
    log: RedisLog, client: Client, clock: FakeClock
) -> None:
    fill(log, clock, 5_000, rare=[])
    log.index(range(log.partitions))
    keys = [partition_keys(partition).blocks for partition in range(log.partitions)]
    assert sum(client.execute_command("XLEN", key) for key in keys) > 4
    log.delete("wf-0")
    log.trim("wf-0")
    log.index(range(log.partitions))
    assert sum(client.execute_command("XLEN", key) for key in keys) <= 1


def test_two_who_index_at_once_lose_nothing(log: RedisLog, client: Client, clock: FakeClock) -> None:
    fill(log, clock, 5_000, rare=[2_000])
    other = RedisLog(client, clock=clock)
    tail = log._tails.read

    def overtaken(*args: Any) -> Any:  # noqa: ANN401 - as the method has it
        log._tails.read = tail  # type: ignore[method-assign]
        other.index(range(other.partitions))
        return tail(*args)

    log._tails.read = overtaken  # type: ignore[method-assign]
    log.index(range(log.partitions))
    found, _ = through_all(log, lambda: for_a_while(clock), AllQuery(10, None, selection=_RARE))
    assert len(found) == 1


def test_a_store_without_room_for_the_index_is_read_without(
    log: RedisLog, valkey: ValkeyServer, clock: FakeClock
) -> None:
    fill(log, clock, 5_000, rare=[2_000])
    with Redis.from_url(valkey.url) as operator:
        operator.config_set("maxmemory", "1")
        try:
            log.index(range(log.partitions))
            found, _ = through_all(log, lambda: for_a_while(clock), AllQuery(10, None, selection=_RARE))
        finally:
            operator.config_set("maxmemory", "0")
    assert len(found) == 1
