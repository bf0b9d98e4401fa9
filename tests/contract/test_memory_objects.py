from __future__ import annotations

import pytest

from eventstore.adapters.memory.objects import MemoryObjects
from tests.contract.objects import ObjectsContract


class TestMemoryObjects(ObjectsContract):
    @pytest.fixture
    def objects(self) -> MemoryObjects:
        return MemoryObjects()
