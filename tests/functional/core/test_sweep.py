"""What the sweep mends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from redis import Redis

from eventstore.adapters.redis.connection import connect
from eventstore.live.sweep import Sweeper
from eventstore.streams import Retention, StreamConfig
from tests.examples import event, events
from tests.functional.core.live import Live

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_hosting.valkey import ValkeyServer


@pytest.fixture
def live(valkey: ValkeyServer) -> Iterator[Live]:
    with Redis.from_url(valkey.url) as plain:
        plain.flushall()
    client = connect(valkey.url)
    yield Live(client, partitions=4)
    client.close()


@pytest.fixture
def sweeper(live: Live) -> Sweeper:
    return Sweeper(live.log, live.registry, live.turns, live.dispatch_queue, live.members, clock=live.clock)


def soon(live: Live) -> int:
    return live.clock.now() + 60_000


def test_it_requests_turns_of_partitions_that_have_something_to_do(live: Live, sweeper: Sweeper) -> None:
    live.subscribe("a", streams=["wf"])
    live.settle()
    live.dispatch_queue.broken = True
    live.store.publish(events(1), stream="wf")
    live.dispatch_queue.broken = False
    assert sweeper.sweep(until=soon(live)).requested == 1
    live.settle()
    assert sweeper.sweep(until=soon(live)).requested == 0


def test_it_requests_no_turns_where_nobody_subscribes_and_moves_the_checkpoint(live: Live, sweeper: Sweeper) -> None:
    live.store.publish(events(3), stream="wf")
    partition = live.dispatch_queue.requested_turns.pop()
    before = live.turns.reached()[partition]
    assert sweeper.sweep(until=soon(live)).requested == 0
    live.store.publish(events(3, start=4), stream="wf")
    assert (live.dispatch_queue.requested_turns, live.turns.reached()[partition] > before) == ([], True)


def test_where_nobody_subscribes_a_deletion_leaves_no_reference(live: Live, sweeper: Sweeper) -> None:
    partition = live.log.append("wf", events(3)).partition
    live.store.delete("wf")
    sweeper.sweep(until=soon(live))
    assert (live.log.stats()[partition].appends, list(live.log.deleted(partition))) == (0, [])


def test_it_requests_turns_for_subscriptions_that_nobody_carried_on(live: Live, sweeper: Sweeper) -> None:
    live.subscribe("a", streams=["wf"])
    live.dispatch_queue.requested_turns.clear()
    assert sweeper.sweep(until=soon(live)).requested == 1


def test_it_forgets_connections_that_must_have_ended(live: Live, sweeper: Sweeper) -> None:
    live.subscribe("old")
    live.clock.pass_seconds(2 * 3600)
    live.subscribe("young")
    live.clock.pass_seconds(600)
    assert sweeper.sweep(until=soon(live)).forgotten == 1
    live.settle()
    live.received()
    live.store.publish(events(1), stream="wf")
    live.settle()
    assert list(live.received()) == ["young"]


def test_it_removes_what_streams_no_longer_keep(live: Live, sweeper: Sweeper) -> None:
    live.log.create("wf", StreamConfig(Retention(max_age=60)))
    live.store.publish(events(3), stream="wf")
    live.settle()
    live.clock.pass_seconds(61)
    assert sweeper.sweep(until=soon(live)).removed == 3


def test_it_brings_the_index_by_id_up_to_date(live: Live, sweeper: Sweeper, valkey: ValkeyServer) -> None:
    live.store.publish([event("1")], stream="wf")
    sweeper.sweep(until=soon(live))
    with Redis.from_url(valkey.url) as plain:
        assert sum(plain.hlen(f"{{p{partition}}}:ids") for partition in range(4)) == 1


def test_doing_it_twice_changes_nothing(live: Live, sweeper: Sweeper) -> None:
    live.store.publish(events(1), stream="wf")
    live.settle()
    first = sweeper.sweep(until=soon(live))
    assert sweeper.sweep(until=soon(live)) == first
