"""The composition root: its parts share what is read of the store once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis.partitions import Partitions
from eventstore.frames.limits import DEFAULT_SHARDS
from eventstore.hub.hub import Hub
from eventstore.hub.settings import Settings
from eventstore.subscriptions import EVENTSTORE, Connection

if TYPE_CHECKING:
    import pytest

    from eventstore_hosting.valkey import ValkeyServer


def test_a_process_asks_once_how_many_partitions_there_are(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub(Settings.from_environment({"REDIS_URL": valkey.url, "PARTITIONS": "4"}))
    hub.redis.flushall()
    asked: list[int] = []
    ask = Partitions._open_partition

    def counted(self: Partitions, partition: int, *rest: Any) -> Any:  # noqa: ANN401 - as it is
        asked.append(partition)
        return ask(self, partition, *rest)

    monkeypatch.setattr(Partitions, "_open_partition", counted)
    hub.registry.connect(Connection("c", EVENTSTORE, 0))
    assert (hub.log.partitions, hub.durables.count, len(hub.turns.reached())) == (4, 4, 4)
    assert hub.shards == DEFAULT_SHARDS
    assert asked == [0]
    hub.close()
