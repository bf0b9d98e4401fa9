from __future__ import annotations

import pytest

from eventstore.adapters.memory.log import MemoryLog
from eventstore.adapters.memory.store import MemoryStore
from eventstore.adapters.memory.turns import MemoryTurns
from tests.contract.log import LogContract
from tests.contract.turns import TurnsContract
from tests.examples import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


class InMemory:
    """A log, and the turns of the same store."""

    @pytest.fixture
    def store(self, clock: FakeClock) -> MemoryStore:
        return MemoryStore(clock=clock)

    @pytest.fixture
    def log(self, store: MemoryStore) -> MemoryLog:
        return MemoryLog(store)

    @pytest.fixture
    def turns(self, store: MemoryStore) -> MemoryTurns:
        return MemoryTurns(store)


class TestLogInMemory(InMemory, LogContract):
    pass


class TestTurnsInMemory(InMemory, TurnsContract):
    @pytest.fixture
    def store(self, clock: FakeClock) -> MemoryStore:
        return MemoryStore(partitions=1, clock=clock)
