"""The whole stack on a cache with TLS, and a user with the required permissions only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import urllib3

from eventstore_client import EventStore
from eventstore_dev.running import running
from tests.caches import PASSWORD, Cache, caching
from tests.e2e.hubs import TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.needs("own-stack")


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with caching(tmp_path) as cache:
        yield cache


def test_published_events_arrive_at_a_subscriber(cache: Cache) -> None:
    with (
        running(TEMPLATE, parameters={"RedisUrl": cache.url()}) as stack,
        EventStore(stack.url) as store,
        store.subscribe(stream="wf", start="start") as subscription,
    ):
        store.publish([{"specversion": "1.0", "id": "1", "source": "/e2e", "type": "t"}], stream="wf")
        assert next(subscription).id == "1"


def test_a_refusal_of_the_cache_is_reported_without_the_password(cache: Cache) -> None:
    url = cache.url(password="hidden")  # noqa: S106 - invented
    with running(TEMPLATE, parameters={"RedisUrl": url}) as stack, urllib3.PoolManager(retries=False) as http:
        answer = http.request("GET", f"{stack.url}/api/v1/events")
    assert (answer.status, answer.json()["code"]) == (503, "store-unavailable")
    assert "refuses the user of REDIS_URL" in answer.json()["detail"]
    assert not any(secret in answer.data.decode() for secret in ("hidden", PASSWORD))
