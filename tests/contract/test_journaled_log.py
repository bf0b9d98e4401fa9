from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.journaled.store import JournaledStore
from eventstore.adapters.memory.journal import MemoryJournal
from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.log import RedisLog
from eventstore.adapters.redis.turns import RedisTurns
from tests.contract.log import LogContract
from tests.contract.test_redis_log import emptied
from tests.examples import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_hosting.valkey import ValkeyServer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


class TestOnAJournalInMemory(LogContract):
    @pytest.fixture
    def store(self, valkey: ValkeyServer, clock: FakeClock) -> Iterator[JournaledStore]:
        emptied(valkey)
        with closing(connect(valkey.url)) as client:
            yield JournaledStore(client, MemoryJournal(), clock=clock)

    @pytest.fixture
    def log(self, clock: FakeClock, store: JournaledStore) -> RedisLog:
        return RedisLog(
            store.partitions.client, partitions=store.partitions, clock=clock, steps=store.steps, bodies=store.bodies
        )

    @pytest.fixture
    def turns(self, store: JournaledStore, clock: FakeClock) -> RedisTurns:
        return RedisTurns(store.partitions.client, partitions=store.partitions, clock=clock)
