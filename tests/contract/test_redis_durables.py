from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.redis.durables import RedisDurables
from eventstore.adapters.redis.log import RedisLog
from eventstore.adapters.redis.registry import RedisRegistry
from eventstore.adapters.redis.turns import RedisTurns
from tests.contract.durables import DurablesContract
from tests.contract.servers import OnACluster, OnOneServer

if TYPE_CHECKING:
    from eventstore.adapters.redis.connection import Client


class OnRedis(DurablesContract):
    @pytest.fixture
    def log(self, client: Client) -> RedisLog:
        return RedisLog(client, partitions=4)

    @pytest.fixture
    def registry(self, client: Client) -> RedisRegistry:
        return RedisRegistry(client, partitions=4)

    @pytest.fixture
    def turns(self, client: Client) -> RedisTurns:
        return RedisTurns(client, partitions=4)

    @pytest.fixture
    def durables(self, client: Client) -> RedisDurables:
        return RedisDurables(client, partitions=4, waiting=2000)


class TestOnOneServer(OnOneServer, OnRedis):
    pass


class TestOnACluster(OnACluster, OnRedis):
    pass
