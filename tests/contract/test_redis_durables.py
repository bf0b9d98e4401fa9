from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.redis_connection import Client, connect
from eventstore.adapters.redis_durables import RedisDurables
from eventstore.adapters.redis_log import RedisLog
from eventstore.adapters.redis_registry import RedisRegistry
from eventstore.adapters.redis_turns import RedisTurns
from tests.contract.durables import DurablesContract
from tests.contract.test_redis_log import emptied

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_dev.valkey import ValkeyCluster, ValkeyServer


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


class TestOnOneServer(OnRedis):
    @pytest.fixture
    def client(self, valkey: ValkeyServer) -> Iterator[Client]:
        emptied(valkey)
        client = connect(valkey.url)
        yield client
        client.close()


class TestOnACluster(OnRedis):
    @pytest.fixture
    def client(self, valkey_cluster: ValkeyCluster, cluster_client: Client) -> Client:
        emptied(*valkey_cluster.servers)
        return cluster_client
