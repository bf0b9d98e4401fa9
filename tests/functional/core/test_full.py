"""A store whose memory is full: nothing new comes in, and what is there goes out."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from eventstore.adapters.redis.connection import connect
from eventstore.errors import StoreFull
from eventstore.filters import parse_filters
from eventstore.groups import DeliverySettings
from eventstore.live.catch_up import TurnLimits
from eventstore.ports import Start
from eventstore.streams import Retention, StreamConfig
from eventstore.subscriptions import Durable
from eventstore_hosting.valkey import ValkeyServer
from tests.examples import events
from tests.functional.core.live import Live

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[ValkeyServer]:
    with ValkeyServer.start() as server:
        yield server


@pytest.fixture
def live(server: ValkeyServer) -> Iterator[Live]:
    client = connect(server.url)
    yield Live(client)
    client.close()


@contextmanager
def full(server: ValkeyServer) -> Iterator[None]:
    with Redis.from_url(server.url) as operator:
        operator.config_set("maxmemory", "1")
        yield
        operator.config_set("maxmemory", "0")


def test_it_says_so_and_stores_nothing(server: ValkeyServer, live: Live) -> None:
    live.store.publish(events(1), stream="wf")
    with full(server), pytest.raises(StoreFull):
        live.store.publish(events(1, start=2), stream="wf")
    assert live.log.describe("wf").head == 1


def test_what_it_holds_is_delivered(server: ValkeyServer, live: Live) -> None:
    live.subscribe("a")
    live.settle()
    live.received()
    live.store.publish(events(3), stream="wf")
    with full(server):
        live.settle()
    assert [one["id"] for message in live.received()["a"] for one in message["events"]] == ["1", "2", "3"]


def test_what_it_holds_is_delivered_by_turns_that_go_less_far(server: ValkeyServer, live: Live) -> None:
    live.dispatcher = live.worker(TurnLimits(pairs=1))
    live.subscribe("a")
    live.settle()
    live.received()
    for number in range(3):
        live.store.publish(events(1, start=number + 1), stream="wf")
    with full(server):
        live.settle()
    assert [[one["id"] for one in message["events"]] for message in live.received()["a"]] == [["1"], ["2"], ["3"]]


def test_members_of_a_group_finish_what_it_holds(server: ValkeyServer, live: Live) -> None:
    durable = Durable("0" * 24, "workers", parse_filters([]), settings=DeliverySettings(max_in_flight=1))
    live.durables.create(durable, {0: Start.OLDEST})
    live.connect("a")
    live.members.join("a", "w", "workers")
    live.store.publish(events(2), stream="wf")
    live.settle()
    [first] = [message for message in live.received()["a"] if message["type"] == "events"]
    with full(server):
        live.members.acknowledge("a", "w", [first["cursor"]])
        live.settle()
    assert [one["id"] for message in live.received()["a"] for one in message["events"]] == ["2"]


@pytest.mark.parametrize("permanently", [False, True])
def test_deleting_a_stream_makes_room_and_is_reported(server: ValkeyServer, live: Live, *, permanently: bool) -> None:
    live.subscribe("a", streams=["wf"])
    live.settle()
    live.received()
    live.store.publish(events(3), stream="wf")
    with full(server):
        live.store.delete("wf", permanently=permanently)
        live.settle()
        assert live.log.trim("wf") == 0
        assert live.log.deleted(0) == []
    [message] = live.received()["a"]
    assert message["missing"] == [{"stream": "wf", "first": 1, "last": 3}]


def test_retention_makes_room(server: ValkeyServer, live: Live) -> None:
    live.log.create("wf", StreamConfig(Retention(max_events=1)))
    live.subscribe("a")
    live.settle()
    live.store.publish(events(3), stream="wf")
    live.settle()
    with full(server):
        assert live.log.trim("wf") == 2
