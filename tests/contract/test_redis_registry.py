from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.redis.log import RedisLog
from eventstore.adapters.redis.registry import RedisRegistry
from eventstore.adapters.redis.turns import RedisTurns
from tests.contract.registry import RegistryContract
from tests.contract.servers import OnACluster, OnOneServer

if TYPE_CHECKING:
    from eventstore.adapters.redis.connection import Client


class OnRedis(RegistryContract):
    """One partition, so that a test need not look for the one of its stream."""

    @pytest.fixture
    def log(self, client: Client) -> RedisLog:
        return RedisLog(client, partitions=1)

    @pytest.fixture
    def registry(self, client: Client, log: RedisLog) -> RedisRegistry:
        return RedisRegistry(client, partitions=log.partitions)

    @pytest.fixture
    def turns(self, client: Client, log: RedisLog) -> RedisTurns:
        return RedisTurns(client, partitions=log.partitions)


class TestOnOneServer(OnOneServer, OnRedis):
    pass


class TestOnACluster(OnACluster, OnRedis):
    pass
