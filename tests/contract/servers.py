"""Where a contract is held on Redis: a client of empty servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.redis.connection import Client, connect
from tests.contract.test_redis_log import emptied

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_hosting.valkey import ValkeyCluster, ValkeyServer

__all__ = ["OnACluster", "OnOneServer"]


class OnOneServer:
    @pytest.fixture
    def client(self, valkey: ValkeyServer) -> Iterator[Client]:
        emptied(valkey)
        client = connect(valkey.url)
        yield client
        client.close()


class OnACluster:
    @pytest.fixture
    def client(self, valkey_cluster: ValkeyCluster, cluster_client: Client) -> Client:
        emptied(*valkey_cluster.servers)
        return cluster_client
