"""The program in docs/operations/trial.md that copies the events of one hub to another."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.endpoints import chosen
from tests.e2e.hubs import local_hub
from tests.e2e.live import SECONDS, event, publish
from tests.e2e.servers import server_hub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.hubs import Hub

_PAGE = (Path(__file__).parents[2] / "docs/operations/trial.md").read_text()
_OWN = {"hubstream", "hubsequence", "hubtime"}
_LARGE = "x" * 100_000
"""A size that exceeds a frame."""

pytestmark = pytest.mark.needs("one-url")


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """The hub to which events are copied."""
    run = server_hub if chosen() == "server" else local_hub
    with run(tmp_path_factory.mktemp("new")) as hub:
        yield hub


@contextmanager
def copying(old: Hub, new: Hub) -> Iterator[subprocess.Popen[str]]:
    """Run the program of the page during the block."""
    [program] = re.findall(r"```python\n(.*?)```", _PAGE, re.DOTALL)
    led = {"OLD_URL": old.url, "OLD_WEBSOCKET_URL": old.websocket_url, "NEW_URL": new.url}
    environment = os.environ | led | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment
    ) as running:
        # Kills a program that prints too little, so that the test ends.
        watchdog = threading.Timer(SECONDS, running.kill)
        watchdog.start()
        try:
            yield running
        finally:
            watchdog.cancel()
            running.kill()


def printed(running: subprocess.Popen[str], lines: int) -> set[str]:
    assert running.stdout is not None
    return {running.stdout.readline().strip() for _ in range(lines)}


def kept(hub: Hub, stream: str) -> list[dict[str, Any]]:
    """A stream's events as they were published."""
    with hub.client() as store:
        read = [json.loads(event.text) for event in store.read(stream)]
    return [{name: value for name, value in event.items() if name not in _OWN} for event in read]


def test_events_are_copied_in_order_and_whole_and_once(hub: Hub, new: Hub) -> None:
    publish(hub, *(event(number, stream="order-1") for number in range(3)), event("large", data=_LARGE))
    with hub.client() as store:
        # Published to a stream that its attributes do not determine.
        store.publish([event("named", stream="order-1")], stream="audit")
    there = {"order-1 1 -> 1", "order-1 2 -> 2", "order-1 3 -> 3", "wf-1 1 -> 1", "audit 1 -> 1"}
    with copying(hub, new) as running:
        assert printed(running, len(there)) == there
        publish(hub, event("live", stream="order-1"))
        assert printed(running, 1) == {"order-1 4 -> 4"}
    with copying(hub, new) as running:
        assert printed(running, len(there) + 1) == {*there, "order-1 4 -> 4"}
    for stream in ("order-1", "wf-1", "audit"):
        assert kept(new, stream) == kept(hub, stream)
    assert kept(new, "wf-1")[0]["data"] == _LARGE
