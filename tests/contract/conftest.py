from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.redis_connection import Client, connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_dev.valkey import ValkeyCluster


@pytest.fixture(scope="module")
def cluster_client(valkey_cluster: ValkeyCluster) -> Iterator[Client]:
    client = connect(valkey_cluster.url)
    yield client
    client.close()
