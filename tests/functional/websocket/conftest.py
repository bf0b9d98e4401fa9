from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore.hub.hub import Hub
from functions.hub import hub
from tests.fakes.letters import FakeLetters
from tests.fakes.queues import FakeDeliveries, FakeDispatchQueue
from tests.fresh import forget
from tests.functional.websocket.clients import Client, Gateway

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_hosting.valkey import ValkeyServer


@pytest.fixture
def gateway(valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """The handlers on an empty store, with queues in memory."""
    monkeypatch.setenv("REDIS_URL", valkey.url)
    monkeypatch.setenv("PARTITIONS", "4")
    forget()
    dispatch_queue, deliveries = FakeDispatchQueue(), FakeDeliveries()
    monkeypatch.setattr(Hub, "dispatch_queue", dispatch_queue)
    monkeypatch.setattr(Hub, "deliveries", deliveries)
    monkeypatch.setattr(Hub, "letters", FakeLetters())
    client = hub().log._client  # type: ignore[attr-defined]
    client.flushall()
    yield Gateway(dispatch_queue, deliveries)
    client.close()
    forget()


@pytest.fixture
def client(gateway: Gateway) -> Client:
    client, answer = gateway.connect()
    assert answer == {"statusCode": 200}
    return client
