from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore_client import Backoff, EventStore
from functions.hub import hub as core_hub
from tests.faces import FACES
from tests.functional.client.fake_hub import FakeHub
from tests.functional.client.fake_websocket_hub import FakeWebSocketHub
from tests.functional.rest.conftest import api
from tests.functional.rest.gateway import serving
from tests.functional.rest.workers import Workers
from tests.grpc_doors import grpc_door

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.functional.rest.api import Api

__all__ = ["api", "http_hub", "hub", "hub_url", "live_hub", "live_store", "open_store", "rest_hub", "store", "workers"]

_ON_BOTH_FACES = {
    "test_busy_worker",
    "test_concurrent_worker",
    "test_credentials",
    "test_datarefs",
    "test_durable_subscriptions",
    "test_event_schemas",
    "test_event_store",
    "test_proxies",
    "test_publishing_all",
    "test_streams",
    "test_subscription",
    "test_traces",
    "test_worker",
}
"""The suites that run with `EventStore` and with `AsyncEventStore`. The others are about commands."""


_OVER_GRPC = {"test_durable_subscriptions", "test_publishing_all", "test_streams"}
"""The suites whose `rest_hub` is called over HTTP and over gRPC."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    def has_own(name: str) -> bool:
        return any(mark.args[0] == name for mark in metafunc.definition.iter_markers("parametrize"))

    if "hub_url" in metafunc.fixturenames:
        over_grpc = metafunc.definition.path.stem in _OVER_GRPC
        if not has_own("hub_url"):
            metafunc.parametrize("hub_url", ["http", "grpc"] if over_grpc else ["http"], indirect=True)
    if "open_store" in metafunc.fixturenames:
        faces = [*FACES] if metafunc.definition.path.stem in _ON_BOTH_FACES else ["blocking"]
        if not has_own("open_store"):
            metafunc.parametrize("open_store", faces, indirect=True)


@pytest.fixture
def open_store(request: pytest.FixtureRequest) -> Callable[..., EventStore]:
    """Opens a store of the face that the test runs with."""
    return FACES[request.param]


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub().running() as hub:
        yield hub


@pytest.fixture
def store(hub: FakeHub, open_store: Callable[..., EventStore]) -> Iterator[EventStore]:
    with open_store(hub.url, backoff=Backoff(first=0.001, longest=0.01, patience=5.0)) as store:
        yield store


@pytest.fixture
def live_hub() -> Iterator[FakeWebSocketHub]:
    with FakeWebSocketHub().running() as hub:
        yield hub


@pytest.fixture
def live_store(live_hub: FakeWebSocketHub, open_store: Callable[..., EventStore]) -> Iterator[EventStore]:
    backoff = Backoff(first=0.001, longest=0.01, patience=5.0)
    with open_store("http://127.0.0.1:9", websocket_url=live_hub.url, backoff=backoff) as store:
        yield store


@pytest.fixture
def hub_url(request: pytest.FixtureRequest, api: Api) -> Iterator[str]:
    """The address of the real handler of REST, or of the gRPC door on the same hub, on an empty store."""
    del api
    with grpc_door(core_hub()) if request.param == "grpc" else serving() as url:
        yield url


@pytest.fixture
def rest_hub(api: Api, hub_url: str, open_store: Callable[..., EventStore]) -> Iterator[EventStore]:
    """A client of the hub, over HTTP or gRPC."""
    backoff = Backoff(first=0.001, longest=0.01, patience=5.0)
    with open_store(hub_url, backoff=backoff) as store:
        assert api.get("/health").status == 200
        yield store


@pytest.fixture
def http_hub(api: Api) -> Iterator[EventStore]:
    """A client of the same hub over HTTP, for what gRPC does not have."""
    del api
    with serving() as url, EventStore(url) as store:
        yield store


@pytest.fixture
def workers(api: Api) -> Workers:
    """The members of durable subscriptions of `rest_hub`."""
    return Workers(api)
