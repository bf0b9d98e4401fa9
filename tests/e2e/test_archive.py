"""The hub archives its events, in a folder of this machine, by its schedule."""

from __future__ import annotations

import gzip
import json
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from eventstore_client import EventConflict, NotFound
from eventstore_dev.running import running
from eventstore_hosting.valkey import ValkeyServer
from tests.e2e.backends import has_journal, parameters
from tests.e2e.dev.conftest import wait_until
from tests.e2e.endpoints import chosen
from tests.e2e.hubs import TEMPLATE, LocalHub
from tests.e2e.live import SECONDS, event
from tests.e2e.servers import Instance, ServerHub
from tests.policies.judging import ANY_TARGET

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eventstore_client import EventStore
    from tests.e2e.hubs import Hub

pytestmark = pytest.mark.needs("own-hub")

COUNT = 10_000
"""So many events are archived at once; fewer, when they are some minutes old."""

_ARCHIVING_AT_ONCE = """
import sys
from eventstore_server import __main__, service
service.ARCHIVE_SECONDS = 0.1
sys.exit(__main__.main())
"""


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    with ValkeyServer.start(folder=tmp_path, persistent=True) as valkey:
        yield valkey


@pytest.fixture
def hub(tmp_path: Path, valkey: ValkeyServer, request: pytest.FixtureRequest) -> Iterator[Hub]:
    """A hub of this test's own, with an archive, and a hot window if the test is passed one, in seconds."""
    url = f"file://{tmp_path}/archive"
    hot_window = getattr(request, "param", "")
    if chosen() == "server":
        environment = {"ARCHIVE_URL": url, "HOT_WINDOW": hot_window}
        instance = Instance.start(valkey.url, environment=environment, program=_ARCHIVING_AT_ONCE)
        try:
            yield ServerHub.of(instance, valkey)
        finally:
            instance.end()
        return
    given = {"RedisUrl": valkey.url, **parameters(valkey.url), **ANY_TARGET}
    given |= {"ArchiveUrl": url, "HotWindow": hot_window}
    with running(TEMPLATE, parameters=given, variables={"AUTH": "none"}) as stack:
        yield LocalHub.of(stack, valkey)


def publish_and_archive(hub: Hub, store: EventStore) -> None:
    """Publish as many events as are archived at once, and have them archived."""
    for start in range(1, COUNT + 1, 500):
        store.publish([event(number, stream="orders") for number in range(start, start + 500)])
    if isinstance(hub, LocalHub):
        hub.stack.fire("ArchiveFunction")


def test_published_events_are_in_the_archive_as_they_are_read(hub: Hub, tmp_path: Path) -> None:
    with hub.client() as store:
        publish_and_archive(hub, store)
        stored = [found.text for found in store.read("orders")]
    folder = tmp_path / "archive"
    wait_until(lambda: list(folder.glob("events/*/manifest.json")), what="a manifest", seconds=SECONDS)
    [manifest] = folder.glob("events/*/manifest.json")
    [segment] = json.loads(manifest.read_text())["epochs"][0]["segments"]
    [file] = segment["files"]
    assert file["events"] == COUNT
    lines = gzip.decompress((folder / file["key"]).read_bytes()).decode().splitlines()
    assert [line[: line.rindex(',"hubposition":')] + "}" for line in lines] == stored


@pytest.mark.skipif(
    has_journal(), reason="BACKEND: a journal has the bodies of events, and not the memory of the store"
)
@pytest.mark.parametrize("hub", ["0"], indirect=True)
def test_events_that_left_memory_are_read_received_and_compared_as_before(hub: Hub, valkey: ValkeyServer) -> None:
    with hub.client() as store, closing(Redis.from_url(valkey.url)) as redis:
        publish_and_archive(hub, store)
        [key] = redis.scan_iter("{p*}:events:orders", count=10_000)
        wait_until(lambda: not redis.xlen(key), what="that all events leave memory", seconds=SECONDS)
        store.publish([event(number, stream="orders") for number in range(COUNT + 1, COUNT + 6)])
        everything = [str(number) for number in range(1, COUNT + 6)]

        assert [found.id for found in store.read("orders")] == everything
        assert [found.id for found in islice(store.read("orders", direction="backwards"), 20)] == everything[:-21:-1]
        assert [found.id for found in store.search()] == everything
        assert store.get("77", stream="orders").sequence == 77

        with store.subscribe(start="start") as received:
            assert [found.id for found in islice(received, COUNT + 5)] == everything

        [again] = store.publish([event(1, stream="orders")])
        assert (again.duplicate, again.sequence) == (True, 1)
        with pytest.raises(EventConflict):
            store.publish([{**event(1, stream="orders"), "type": "another"}])
        store.streams.delete("orders")
        with pytest.raises(NotFound):
            store.get("77", stream="orders")
