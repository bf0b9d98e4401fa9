from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.redis.connection import Client, connect
from tests.contract.aws import Api

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_hosting.valkey import ValkeyCluster


@pytest.fixture(scope="module")
def cluster_client(valkey_cluster: ValkeyCluster) -> Iterator[Client]:
    client = connect(valkey_cluster.url)
    yield client
    client.close()


@pytest.fixture
def api() -> Iterator[Api]:
    with Api.serving() as api:
        yield api


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Credentials and a region in the environment, as a function of Lambda has them. More can be set with it."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    return monkeypatch
