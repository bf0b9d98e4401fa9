from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from redis import Redis

from eventstore.adapters.redis.connection import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore.adapters.redis.connection import Client
    from eventstore_hosting.valkey import ValkeyServer


@pytest.fixture
def client(valkey: ValkeyServer) -> Iterator[Client]:
    """A client of an empty store."""
    with Redis.from_url(valkey.url) as plain:
        plain.flushall()
    client = connect(valkey.url)
    yield client
    client.close()
