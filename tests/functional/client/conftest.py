from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore_client import Backoff, EventStore
from tests.functional.client.fake_hub import FakeHub
from tests.functional.client.fake_websocket_hub import FakeWebSocketHub
from tests.functional.rest.conftest import api
from tests.functional.rest.gateway import serving
from tests.functional.rest.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.rest.api import Api

__all__ = ["api", "hub", "live_hub", "live_store", "rest_hub", "store", "workers"]


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub().running() as hub:
        yield hub


@pytest.fixture
def store(hub: FakeHub) -> Iterator[EventStore]:
    with EventStore(hub.url, backoff=Backoff(first=0.001, longest=0.01, patience=5.0)) as store:
        yield store


@pytest.fixture
def live_hub() -> Iterator[FakeWebSocketHub]:
    with FakeWebSocketHub().running() as hub:
        yield hub


@pytest.fixture
def live_store(live_hub: FakeWebSocketHub) -> Iterator[EventStore]:
    backoff = Backoff(first=0.001, longest=0.01, patience=5.0)
    with EventStore("http://127.0.0.1:9", websocket_url=live_hub.url, backoff=backoff) as store:
        yield store


@pytest.fixture
def rest_hub(api: Api) -> Iterator[EventStore]:
    """A client of the real handler of REST, on an empty store."""
    backoff = Backoff(first=0.001, longest=0.01, patience=5.0)
    with serving() as url, EventStore(url, backoff=backoff) as store:
        assert api.get("/health").status == 200
        yield store


@pytest.fixture
def workers(api: Api) -> Workers:
    """The members of durable subscriptions of `rest_hub`."""
    return Workers(api)
