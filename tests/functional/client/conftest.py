from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore_client import Backoff, EventStore
from tests.functional.client.fake_hub import FakeHub

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub().running() as hub:
        yield hub


@pytest.fixture
def store(hub: FakeHub) -> Iterator[EventStore]:
    with EventStore(hub.url, backoff=Backoff(first=0.001, longest=0.01, patience=5.0)) as store:
        yield store
