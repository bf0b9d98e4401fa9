from __future__ import annotations

import pytest

from eventstore.adapters.memory.log import MemoryLog
from eventstore.adapters.memory.store import MemoryStore
from eventstore.adapters.memory.turns import MemoryTurns
from tests.contract.log import LogContract
from tests.examples import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> MemoryStore:
    return MemoryStore(clock=clock)


class TestInMemory(LogContract):
    @pytest.fixture
    def log(self, store: MemoryStore) -> MemoryLog:
        return MemoryLog(store)

    @pytest.fixture
    def turns(self, store: MemoryStore) -> MemoryTurns:
        return MemoryTurns(store)
