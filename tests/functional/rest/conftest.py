from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore.hub.hub import Hub
from functions.hub import hub
from tests.fakes.letters import FakeLetters
from tests.fakes.queues import FakeDispatchQueue
from tests.fresh import forget
from tests.functional.rest.api import Api

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_hosting.valkey import ValkeyServer


@pytest.fixture
def api(valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The handler on an empty store, with queues in memory."""
    monkeypatch.setenv("REDIS_URL", valkey.url)
    monkeypatch.setenv("PARTITIONS", "4")
    forget()
    dispatch_queue, letters = FakeDispatchQueue(), FakeLetters()
    monkeypatch.setattr(Hub, "dispatch_queue", dispatch_queue)
    monkeypatch.setattr(Hub, "letters", letters)
    client = hub().log._client  # type: ignore[attr-defined]
    client.flushall()
    yield Api()
    client.close()
    forget()
