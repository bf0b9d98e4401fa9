from __future__ import annotations

import itertools
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.journaled.log import JournaledLog
from eventstore.adapters.journaled.store import JournaledStore
from eventstore.adapters.kafka.address import KafkaBrokers
from eventstore.adapters.kafka.journal import KafkaJournal
from eventstore.adapters.memory.journal import MemoryJournal
from eventstore.adapters.nats.address import NatsUrl
from eventstore.adapters.nats.journal import NatsJournal
from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.direct import Direct
from eventstore.adapters.redis.turns import RedisTurns
from tests.contract.log import LogContract
from tests.contract.test_redis_log import emptied
from tests.examples import FakeClock
from tests.kafka_broker import KafkaBroker
from tests.nats_server import NatsServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore.adapters.redis.connection import Client
    from eventstore.ports.journal import Journal
    from eventstore_hosting.valkey import ValkeyCluster, ValkeyServer

_NAMES = itertools.count()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="module")
def nats() -> Iterator[NatsServer]:
    with NatsServer.started() as server:
        yield server


@pytest.fixture(scope="module")
def kafka() -> Iterator[KafkaBroker]:
    with KafkaBroker.started() as broker:
        yield broker


class TestOnAJournalInMemory(LogContract):
    @pytest.fixture
    def journal(self) -> Journal:
        return MemoryJournal()

    @pytest.fixture
    def store(self, valkey: ValkeyServer, clock: FakeClock, journal: Journal) -> Iterator[JournaledStore]:
        emptied(valkey)
        with closing(connect(valkey.url)) as client:
            yield JournaledStore(client, journal, clock=clock)

    @pytest.fixture
    def log(self, clock: FakeClock, store: JournaledStore) -> JournaledLog:
        return JournaledLog(store, clock=clock)

    @pytest.fixture
    def turns(self, store: JournaledStore, clock: FakeClock) -> RedisTurns:
        return RedisTurns(store.partitions.client, partitions=store.partitions, clock=clock)


class TestWithDirectAppends(TestOnAJournalInMemory):
    """As on the hub as a service."""

    @pytest.fixture
    def store(self, valkey: ValkeyServer, clock: FakeClock, journal: Journal) -> Iterator[JournaledStore]:
        emptied(valkey)
        with closing(connect(valkey.url)) as client:
            yield JournaledStore(client, journal, clock=clock, direct=Direct.of(client))


class TestWithAWindow(TestOnAJournalInMemory):
    """All bodies come from the window, since the process keeps none."""

    @pytest.fixture
    def journal(self) -> Journal:
        return MemoryJournal(is_costly_to_fetch=True)

    @pytest.fixture
    def store(self, valkey: ValkeyServer, clock: FakeClock, journal: Journal) -> Iterator[JournaledStore]:
        emptied(valkey)
        with closing(connect(valkey.url)) as client:
            yield JournaledStore(client, journal, clock=clock, kept_bytes=0)


class TestOnACluster(TestOnAJournalInMemory):
    """Three nodes: a step that touched two slots would fail here."""

    @pytest.fixture
    def store(
        self, valkey_cluster: ValkeyCluster, cluster_client: Client, clock: FakeClock, journal: Journal
    ) -> JournaledStore:
        emptied(*valkey_cluster.servers)
        return JournaledStore(cluster_client, journal, clock=clock)


class TestOnAClusterWithAWindow(TestOnACluster):
    @pytest.fixture
    def journal(self) -> Journal:
        return MemoryJournal(is_costly_to_fetch=True)


class TestOnNats(TestOnAJournalInMemory):
    @pytest.fixture
    def journal(self, nats: NatsServer) -> Iterator[Journal]:
        with closing(NatsJournal(NatsUrl.parse(nats.url), name=f"log{next(_NAMES)}")) as journal:
            yield journal


class TestOnKafka(TestOnAJournalInMemory):
    @pytest.fixture
    def journal(self, kafka: KafkaBroker) -> Iterator[Journal]:
        with closing(KafkaJournal(KafkaBrokers.parse(kafka.url), name=f"log{next(_NAMES)}")) as journal:
            yield journal
