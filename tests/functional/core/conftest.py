from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from eventstore.adapters.memory.log import MemoryLog
from eventstore.adapters.memory.store import MemoryStore
from eventstore.adapters.redis.log import RedisLog
from tests.examples import FakeClock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.adapters.redis.connection import Client
    from eventstore.ports import Log, Tail


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many events each reading of the logs on Redis asked for, in order."""
    counts: list[int] = []
    tail = RedisLog.tail

    def noted(log: RedisLog, *args: Any, count: int, **options: Any) -> Mapping[int, Tail]:  # noqa: ANN401 - as `tail` has it
        counts.append(count)
        return tail(log, *args, count=count, **options)

    monkeypatch.setattr(RedisLog, "tail", noted)
    return counts


@pytest.fixture
def redis_log(client: Client, clock: FakeClock) -> RedisLog:
    """An empty log on Redis."""
    return RedisLog(client, clock=clock)


@pytest.fixture(params=["memory", "redis"])
def each_log(request: pytest.FixtureRequest, clock: FakeClock) -> Log:
    """An empty log of each adapter, for what concerns the port alone; that in memory starts no server."""
    if request.param == "memory":
        return MemoryLog(MemoryStore(clock=clock))
    log: Log = request.getfixturevalue("redis_log")
    return log
