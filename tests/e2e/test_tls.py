"""The whole hub on a cache with TLS, and a user with the required permissions only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import urllib3

from eventstore_client import EventStore
from tests.caches import PASSWORD, Cache, caching
from tests.e2e.endpoints import chosen
from tests.e2e.own import own_hub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.needs("own-hub")


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with caching(tmp_path) as cache:
        yield cache


def test_published_events_arrive_at_a_subscriber(cache: Cache) -> None:
    with (
        own_hub(cache.url()) as url,
        EventStore(url) as store,
        store.subscribe(stream="wf", start="start") as subscription,
    ):
        store.publish([{"specversion": "1.0", "id": "1", "source": "/e2e", "type": "t"}], stream="wf")
        assert next(subscription).id == "1"


def test_a_refusal_of_the_cache_is_reported_without_the_password(cache: Cache) -> None:
    url = cache.url(password="hidden")  # noqa: S106 - invented
    said = refusal_of_server(url) if chosen() == "server" else refusal_of_stack(url)
    assert "refuses the user of REDIS_URL" in said
    assert not any(secret in said for secret in ("hidden", PASSWORD))


def refusal_of_server(url: str) -> str:
    """What a server says that cannot start."""
    with pytest.raises(RuntimeError) as refused, own_hub(url):
        pass
    return str(refused.value)


def refusal_of_stack(url: str) -> str:
    """What a request is answered."""
    with own_hub(url) as hub, urllib3.PoolManager(retries=False) as http:
        answer = http.request("GET", f"{hub}/api/v1/events")
    assert (answer.status, answer.json()["code"]) == (503, "store-unavailable")
    return answer.data.decode()
