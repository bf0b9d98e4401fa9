"""What a turn reads ahead of the log is what the log would have answered, and is used once it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.adapters.redis.log import RedisLog
from eventstore.adapters.redis.read_ahead import Ahead, ReadAhead
from eventstore.positions import END_OF_APPEND, Position
from tests.examples import events
from tests.functional.core.live import Live

if TYPE_CHECKING:
    from eventstore.adapters.redis.connection import Client
    from eventstore.ports import Tail, Turn


def begun(live: Live, *, carried: int = 500) -> Turn:
    return live.turns.begin(0, events=carried, behind=10)


def both(live: Live, turn: Turn, *, count: int = 200) -> tuple[Tail, Tail]:
    """What the turn's log answers, and what one answers that nobody has read ahead of."""
    alone = RedisLog(live.client, partitions=1)
    places, until = {0: turn.checkpoint}, {0: turn.goal}
    return tuple(log.tail(places, count=count, until=until)[0] for log in (live.log, alone))  # type: ignore[return-value]


@pytest.fixture
def live(client: Client) -> Live:
    live = Live(client)
    live.subscribe("c")
    live.settle()
    return live


@pytest.mark.parametrize("count", [1, 5, 6, 7, 200])
@pytest.mark.parametrize("carried", [1, 6, 500])
def test_a_turn_reads_what_the_log_holds(live: Live, count: int, carried: int) -> None:
    for number in range(6):
        live.store.publish(events(2, start=1 + 2 * number), stream=f"wf-{number % 2}")
    turn = begun(live, carried=carried)
    ahead, alone = both(live, turn, count=count)
    assert ahead == alone
    assert ahead.events


def test_a_turn_asks_for_its_references_once(live: Live) -> None:
    live.store.publish(events(2), stream="wf")
    turn = begun(live)

    def ranges(log: RedisLog) -> int:
        live.client.config_resetstat()
        log.tail({0: turn.checkpoint}, count=10, until={0: turn.goal})
        stats: dict[str, dict[str, int]] = live.client.info("commandstats")
        return stats["cmdstat_xrange"]["calls"]

    assert (ranges(live.log), ranges(RedisLog(live.client, partitions=1))) == (1, 2)


def test_of_very_many_references_none_is_read_ahead(live: Live) -> None:
    for number in range(40):
        live.store.publish(events(1, start=number + 1), stream=f"wf-{number % 3}")
    ahead, alone = both(live, begun(live))
    assert ahead == alone
    assert len(ahead.events) == 40


def test_what_was_removed_meanwhile_is_not_read(live: Live) -> None:
    live.store.publish(events(2), stream="gone")
    live.store.publish(events(1), stream="wf")
    turn = begun(live)
    live.store.delete("gone")
    ahead, alone = both(live, turn)
    assert [event.stream for _, event in ahead.events] == ["wf"]
    assert ahead == alone


def test_what_one_turn_read_is_not_what_the_next_one_reads(live: Live) -> None:
    live.store.publish(events(2), stream="wf")
    begun(live)
    live.settle()
    live.store.publish(events(1, start=3), stream="wf")
    ahead, alone = both(live, begun(live))
    assert ahead == alone
    assert [event.sequence for _, event in ahead.events] == [3]


def test_where_nobody_listens_nothing_is_read_ahead(client: Client) -> None:
    """Else those who are behind, whom such a turn may carry, would find nothing."""
    live = Live(client)
    live.store.publish(events(2), stream="wf")
    ahead, alone = both(live, begun(live))
    assert ahead == alone
    assert len(ahead.events) == 2


@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3)), max_size=12, unique=True).map(sorted),
    st.data(),
)
def test_what_is_found_is_what_lies_between(log: list[tuple[int, int]], data: st.DataObject) -> None:
    start, end = sorted(data.draw(st.tuples(*[st.tuples(st.integers(0, 6), st.integers(0, 3))] * 2)))
    first, last = sorted(data.draw(st.tuples(*[st.tuples(st.integers(0, 6), st.integers(0, 3))] * 2)))
    count = data.draw(st.integers(1, 8))

    def entries(low: tuple[int, int], high: tuple[int, int]) -> list[tuple[bytes, list[bytes]]]:
        return [(f"{time}-{order}".encode(), []) for time, order in log if low <= (time, order) <= high]

    ahead = ReadAhead()
    ahead.keep(0, Ahead("e", start, end, entries(start, end)))
    found = ahead.find(0, Position(*first, 0), Position(*last, END_OF_APPEND), count)
    if first < start or last > end:
        assert found is None
    else:
        assert found == ("e", entries(first, last)[:count])
