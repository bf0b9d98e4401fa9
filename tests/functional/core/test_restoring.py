"""A store that was restored from an older snapshot, renewed by the call that docs/operations/recovery.md describes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from redis import Redis

from eventstore.adapters.redis.connection import connect
from eventstore.errors import NewEpoch, TurnLost
from eventstore.filters import parse_filters
from eventstore.ports import Start, TurnResult
from eventstore.read.pages import AllQuery, StreamQuery, read_all, read_stream
from eventstore.streams import partition_of
from eventstore.subscriptions import Durable
from tests.examples import event, events
from tests.fresh import forget
from tests.functional.core.live import Live
from tests.functional.rest.api import Api
from tests.snapshots import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eventstore.adapters.redis.connection import Client
    from eventstore_hosting.valkey import ValkeyServer

Renew: TypeAlias = "Callable[[], None]"

_PAGE = (Path(__file__).parents[3] / "docs/operations/recovery.md").read_text()


@pytest.fixture
def plain(valkey: ValkeyServer) -> Iterator[Redis]:
    with Redis.from_url(valkey.url) as plain:
        plain.flushall()
        yield plain


@pytest.fixture
def client(valkey: ValkeyServer, plain: Redis) -> Iterator[Client]:
    assert plain.ping()
    client = connect(valkey.url)
    yield client
    client.close()


@pytest.fixture
def live(client: Client) -> Live:
    live = Live(client, partitions=2)
    # Partitions are made when they are first read.
    assert read_all(live.log, AllQuery()).events == []
    return live


@pytest.fixture
def renew(valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Renew]:
    """The call of the page."""
    monkeypatch.setenv("REDIS_URL", valkey.url)
    forget()
    [(method, path)] = re.findall(r"curl -X (\w+) \S+?(/api/v1/\w+)", _PAGE)

    def call() -> None:
        assert Api().call(method, path).status == 200

    yield call
    forget()


def test_a_page_of_a_stream_does_not_go_on_where_history_was_lost(live: Live, plain: Redis, renew: Renew) -> None:
    live.store.publish([event("1")], stream="wf")
    snapshot = Snapshot(plain)
    live.store.publish([event("2"), event("3")], stream="wf")
    page = read_stream(live.log, "wf", StreamQuery(limit=2))
    snapshot.restore()
    renew()
    live.store.publish([event("4"), event("5")], stream="wf")
    with pytest.raises(NewEpoch):
        read_stream(live.log, "wf", StreamQuery(cursor=page.next))


def test_a_page_of_all_streams_does_not_go_on_where_history_was_lost(live: Live, plain: Redis, renew: Renew) -> None:
    live.store.publish(events(2), stream="wf")
    snapshot = Snapshot(plain)
    live.store.publish(events(2, start=3), stream="wf")
    page = read_all(live.log, AllQuery())
    snapshot.restore()
    renew()
    with pytest.raises(NewEpoch):
        read_all(live.log, AllQuery(cursor=page.cursor))


def test_who_resumes_is_notified_that_the_store_is_another(live: Live, plain: Redis, renew: Renew) -> None:
    snapshot = Snapshot(plain)
    subscribed = live.subscribe("a")
    live.settle()
    snapshot.restore()
    renew()
    resumed = live.subscribe("b", cursors=[subscribed.cursor])
    assert resumed.recovery == "new-epoch"
    assert resumed.renewed == [0, 1]


def test_a_connection_that_stayed_notices_a_hole(live: Live, plain: Redis, renew: Renew) -> None:
    live.subscribe("a", streams=["wf"])
    live.settle()
    snapshot = Snapshot(plain)
    live.store.publish([event("1")], stream="wf")
    live.settle()
    last = live.received()["a"][-1]["frame"]
    snapshot.restore()
    renew()
    live.store.publish([event("2")], stream="wf")
    live.settle()
    assert live.received()["a"][-1]["frame"] > last + 1


def test_what_is_published_again_is_stored_once(live: Live, plain: Redis, renew: Renew) -> None:
    live.store.publish([event("1")], stream="wf")
    snapshot = Snapshot(plain)
    live.store.publish([event("2")], stream="wf")
    snapshot.restore()
    renew()
    again = [live.store.publish([event(name)], stream="wf")[0] for name in ("1", "2")]
    assert [(one.sequence, one.duplicate) for one in again] == [(1, True), (2, False)]


def test_the_first_frame_of_a_partition_is_no_repeat_either(live: Live, plain: Redis, renew: Renew) -> None:
    live.subscribe("a", streams=["wf"])
    snapshot = Snapshot(plain)
    live.settle()
    last = live.received()["a"][-1]["frame"]
    snapshot.restore()
    renew()
    live.dispatch_queue.request_turns([0, 1])
    live.settle()
    assert live.received()["a"][0]["frame"] > last + 1


def test_a_turn_of_the_lost_history_comes_to_nothing(live: Live, plain: Redis, renew: Renew) -> None:
    live.subscribe("a", streams=["wf"])
    live.settle()
    partition = partition_of("wf", 2)
    snapshot = Snapshot(plain)
    live.store.publish([event("1")], stream="wf")
    lost = live.turns.begin(partition, events=9, behind=9)
    snapshot.restore()
    renew()
    live.store.publish([event("2")], stream="wf")
    live.turns.begin(partition, events=9, behind=9)
    with pytest.raises(TurnLost):
        live.turns.commit(lost, TurnResult())


def durable(live: Live) -> Durable:
    """A durable subscription of one stream, of which `a` is the member."""
    made = live.durables.create(
        Durable("k" * 24, "workers", parse_filters([]), ("wf",)), {partition_of("wf", 2): Start.OLDEST}
    )
    live.connect("a")
    live.members.join("a", "w", "workers")
    live.settle()
    return made


def sent(live: Live) -> tuple[list[str], dict[str, Any]]:
    """The ids of the events that the member was sent, and the last frame of these."""
    live.settle()
    frames = [message for message in live.received().get("a", []) if message["type"] == "events"]
    return [event["id"] for frame in frames for event in frame["events"]], frames[-1] if frames else {}


def test_a_durable_subscription_goes_on_where_the_snapshot_has_it(live: Live, plain: Redis, renew: Renew) -> None:
    durable(live)
    live.store.publish(events(2), stream="wf")
    _, frame = sent(live)
    snapshot = Snapshot(plain)
    live.members.acknowledge("a", "w", [frame["cursor"]])
    live.settle()
    snapshot.restore()
    renew()
    live.store.publish([event("3")], stream="wf")
    assert sent(live)[0] == ["1", "2", "3"]


def test_who_acknowledges_a_lost_history_acknowledges_nothing(live: Live, plain: Redis, renew: Renew) -> None:
    made = durable(live)
    snapshot = Snapshot(plain)
    live.clock.pass_seconds(60)
    live.store.publish([event("lost")], stream="wf")
    _, lost = sent(live)
    snapshot.restore()
    renew()
    live.clock.pass_seconds(-60)
    live.store.publish([event("1")], stream="wf")
    ids, frame = sent(live)
    in_flight = live.durables.groups(made)[partition_of("wf", 2)].flight
    live.members.acknowledge("a", "w", [lost["cursor"]])
    live.settle()
    assert (ids, live.durables.groups(made)[partition_of("wf", 2)].flight) == (["1"], in_flight)
    live.members.acknowledge("a", "w", [frame["cursor"]])
    live.settle()
    assert live.durables.groups(made)[partition_of("wf", 2)].flight == []
