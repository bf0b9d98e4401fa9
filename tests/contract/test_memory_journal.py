from __future__ import annotations

import pytest

from eventstore.adapters.memory.journal import MemoryJournal
from tests.contract.journal import JournalContract


class TestMemoryJournal(JournalContract):
    @pytest.fixture
    def journal(self) -> MemoryJournal:
        return MemoryJournal()
