from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.redis.durables import RedisDurables
from eventstore.adapters.redis.log import RedisLog
from eventstore.adapters.redis.registry import RedisRegistry
from eventstore.adapters.redis.turns import RedisTurns
from tests.contract.servers import OnACluster, OnOneServer
from tests.contract.subscribed import SubscribedContract
from tests.examples import FakeClock

if TYPE_CHECKING:
    from eventstore.adapters.redis.connection import Client


class OnRedis(SubscribedContract):
    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def log(self, client: Client, clock: FakeClock) -> RedisLog:
        return RedisLog(client, partitions=1, clock=clock)

    @pytest.fixture
    def turns(self, client: Client, clock: FakeClock) -> RedisTurns:
        return RedisTurns(client, partitions=1, clock=clock)

    @pytest.fixture
    def registry(self, client: Client) -> RedisRegistry:
        return RedisRegistry(client, partitions=1)

    @pytest.fixture
    def durables(self, client: Client) -> RedisDurables:
        return RedisDurables(client, partitions=1)


class TestOnOneServer(OnOneServer, OnRedis):
    pass


class TestOnACluster(OnACluster, OnRedis):
    pass
