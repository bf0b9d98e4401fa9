from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.redis.connection import Client, connect
from tests.contract.aws import Api

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_dev.valkey import ValkeyCluster


@pytest.fixture(scope="module")
def cluster_client(valkey_cluster: ValkeyCluster) -> Iterator[Client]:
    client = connect(valkey_cluster.url)
    yield client
    client.close()


@pytest.fixture
def api() -> Iterator[Api]:
    with Api.serving() as api:
        yield api
