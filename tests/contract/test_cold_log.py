"""The contract of a log whose events are all in the archive alone, as soon as they are stored."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.memory.objects import MemoryObjects
from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.hot_window import RedisHotWindow
from eventstore.adapters.redis.log import RedisLog
from eventstore.adapters.redis.partitions import Partitions
from eventstore.adapters.redis.turns import RedisTurns
from eventstore.archive.history import ArchivedHistory
from eventstore.archive.manifests import Manifests
from eventstore.archive.merging import Merger
from eventstore.archive.sealing import Sealer, SealLimits
from eventstore.positions import BEGINNING
from eventstore.streams import ANY, StreamName
from tests.contract.log import LogContract
from tests.contract.test_redis_log import emptied
from tests.examples import FakeClock, event, events

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.growth import Growth
    from eventstore.cloudevents.event import Event
    from eventstore.ports import Appended
    from eventstore.streams import Expected
    from eventstore_hosting.valkey import ValkeyCluster, ValkeyServer

_FOREVER = 1 << 50


class CoolingLog(RedisLog):
    """Archives each event, and lets it leave memory, before its append returns. Segments are merged all the time."""

    def __init__(self, client: Client, *, clock: FakeClock) -> None:
        partitions = Partitions(client)
        objects = MemoryObjects(clock=clock)
        history = ArchivedHistory(objects, partitions=lambda: partitions.count, clock=clock)
        super().__init__(client, partitions=partitions, clock=clock, history=history)
        manifests = Manifests(objects, partitions=16)
        self._sealer = Sealer(self, objects, manifests, clock=clock, limits=SealLimits(age_ms=0))
        self._merger = Merger(objects, manifests, clock=clock)
        self._window = RedisHotWindow(partitions)

    def append(
        self, stream: StreamName, events: Sequence[Event], *, expected: Expected = ANY, growth: Growth | None = None
    ) -> Appended:
        appended = super().append(stream, events, expected=expected, growth=growth)
        loaded = self._sealer.seal(appended.partition, until=_FOREVER).loaded
        loaded, _ = self._merger.merge(loaded, until=_FOREVER)
        if loaded.manifest.epochs:
            self._window.cool(appended.partition, until=loaded.manifest.epochs[-1].until, may_go_on=lambda: True)
        return appended


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


class TestOnOneServer(LogContract):
    @pytest.fixture
    def log(self, valkey: ValkeyServer, clock: FakeClock) -> Iterator[RedisLog]:
        emptied(valkey)
        with closing(connect(valkey.url)) as client:
            yield CoolingLog(client, clock=clock)

    @pytest.fixture
    def turns(self, valkey: ValkeyServer, clock: FakeClock) -> Iterator[RedisTurns]:
        with closing(connect(valkey.url)) as client:
            yield RedisTurns(client, clock=clock)


def test_on_a_cluster_each_step_stays_in_one_slot(
    valkey_cluster: ValkeyCluster, cluster_client: Client, clock: FakeClock
) -> None:
    emptied(*valkey_cluster.servers)
    log = CoolingLog(cluster_client, clock=clock)
    names = [StreamName(f"wf-{number}") for number in range(20)]
    for name in names:
        log.append(name, events(3))
        assert [found.sequence for found in log.read(name, start=1, stop=9, count=9).events] == [1, 2, 3]
    tails = log.tail(dict.fromkeys(range(16), BEGINNING), count=100)
    assert sum(len(tail.events) for tail in tails.values()) == 60
    log.delete(names[0])
    assert log.trim(names[0]) == 3
    assert log.append(names[1], [event("2")]).duplicates == {0}
