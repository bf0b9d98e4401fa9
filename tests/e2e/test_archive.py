"""The hub archives its events, in a folder of this machine, by its schedule."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from eventstore_dev.running import running
from eventstore_hosting.valkey import ValkeyServer
from tests.e2e.backends import parameters
from tests.e2e.dev.conftest import wait_until
from tests.e2e.endpoints import chosen
from tests.e2e.hubs import TEMPLATE, LocalHub
from tests.e2e.live import SECONDS, event
from tests.e2e.servers import Instance, ServerHub
from tests.policies.judging import ANY_TARGET

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub of this test's own, with an archive."""
    url = f"file://{tmp_path}/archive"
    with ValkeyServer.start(folder=tmp_path, persistent=True) as valkey:
        if chosen() == "server":
            instance = Instance.start(valkey.url, environment={"ARCHIVE_URL": url}, program=_ARCHIVING_AT_ONCE)
            try:
                yield ServerHub.of(instance, valkey)
            finally:
                instance.end()
            return
        given = {"RedisUrl": valkey.url, **parameters(valkey.url), **ANY_TARGET, "ArchiveUrl": url}
        with running(TEMPLATE, parameters=given, variables={"AUTH": "none"}) as stack:
            yield LocalHub.of(stack, valkey)


def test_published_events_are_in_the_archive_as_they_are_read(hub: Hub, tmp_path: Path) -> None:
    with hub.client() as store:
        for start in range(1, COUNT + 1, 500):
            store.publish([event(number, stream="orders") for number in range(start, start + 500)])
        stored = [found.text for found in store.read("orders")]
    if isinstance(hub, LocalHub):
        hub.stack.fire("ArchiveFunction")
    folder = tmp_path / "archive"
    wait_until(lambda: list(folder.glob("events/*/manifest.json")), what="a manifest", seconds=SECONDS)
    [manifest] = folder.glob("events/*/manifest.json")
    [segment] = json.loads(manifest.read_text())["epochs"][0]["segments"]
    [file] = segment["files"]
    assert file["events"] == COUNT
    lines = gzip.decompress((folder / file["key"]).read_bytes()).decode().splitlines()
    assert [line[: line.rindex(',"hubposition":')] + "}" for line in lines] == stored
