from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from eventstore_client import EventStore
from eventstore_dev.stack import Stack, running
from eventstore_dev.valkey import ValkeyServer
from tests.e2e.live import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


@dataclass(frozen=True)
class Hub:
    """The project's own template on the local stack, with a Valkey that keeps what it answered."""

    stack: Stack
    valkey: ValkeyServer

    @property
    def url(self) -> str:
        return self.stack.url

    def client(self) -> EventStore:
        return EventStore(self.url)


@pytest.fixture(scope="session")
def running_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    folder = tmp_path_factory.mktemp("hub")
    with (
        ValkeyServer.start(folder=folder, persistent=True) as valkey,
        running(TEMPLATE, parameters={"RedisUrl": valkey.url}) as stack,
    ):
        yield Hub(stack, valkey)


@pytest.fixture
def hub(running_hub: Hub) -> Hub:
    with Redis.from_url(running_hub.valkey.url) as client:
        client.flushall()
    return running_hub


@pytest.fixture
def client(hub: Hub) -> Iterator[Client]:
    """A client of `eventstore.v1`, connected."""
    with Client(hub.url) as client:
        yield client
