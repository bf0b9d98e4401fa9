"""All that is sent to a connection goes by the number of shards that the store has, so that it keeps its order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore.frames.frame import shard_of
from eventstore.subscriptions import BARE
from functions.hub import hub
from tests.fresh import forget
from tests.functional.websocket.test_taking_part import NAME, join, make, publish
from tests.trusted import Trusted

if TYPE_CHECKING:
    from tests.functional.websocket.clients import Client, Gateway

_SHARDS = 5


@pytest.fixture
def gateway(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """The handlers on an empty store that gets another number of shards than the default."""
    monkeypatch.setenv("SHARDS", str(_SHARDS))
    forget()
    return gateway


def shard(client: Client) -> int:
    """The shard of a connection, which differs from the one that the default number would give it."""
    own = shard_of(client.connection, _SHARDS)
    assert own != shard_of(client.connection, 16)
    return own


def connected(gateway: Gateway, **how: list[str]) -> Client:
    """A client whose shard depends on the number of shards."""
    while True:
        client, _ = gateway.connect(**how)
        if shard_of(client.connection, _SHARDS) != shard_of(client.connection, 16):
            gateway.deliveries.shards.clear()
            return client


def test_frames_of_subscriptions(gateway: Gateway) -> None:
    client = connected(gateway)
    client.send({"action": "subscribe", "id": "s", "stream": "wf"})
    client.received()
    publish(client, "1")
    assert [message["type"] for message in client.received()] == ["events"]
    assert set(gateway.deliveries.shards) == {shard(client)}


def test_the_first_message_of_bare_connections(gateway: Gateway) -> None:
    connections = [gateway.connect(protocols=[BARE])[0] for _ in range(9)]
    assert gateway.deliveries.shards == [shard_of(client.connection, _SHARDS) for client in connections]


def test_the_notice_of_a_deletion(gateway: Gateway) -> None:
    client = connected(gateway)
    make()
    join(client)
    client.received()
    gateway.deliveries.shards.clear()
    Trusted(hub().durable_subscriptions).delete(NAME)
    assert [message["type"] for message in client.received()] == ["error"]
    assert gateway.deliveries.shards == [shard(client)]


def test_the_reason_of_a_closing(gateway: Gateway) -> None:
    client = connected(gateway)
    client.received()
    Trusted(hub().connections).close(client.connection)
    assert [message["type"] for message in client.received()] == ["error"]
    assert gateway.deliveries.shards == [shard(client)]
