from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.redis_connection import Client, connect
from eventstore.adapters.redis_log import RedisLog
from eventstore.adapters.redis_registry import RedisRegistry
from eventstore.adapters.redis_turns import RedisTurns
from tests.contract.registry import RegistryContract
from tests.contract.test_redis_log import emptied

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_dev.valkey import ValkeyCluster, ValkeyServer


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
