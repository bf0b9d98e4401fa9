"""The SDK goes on when the local stack, gateway and all, is killed (-9) and started again, while it publishes."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import urllib3

from tests.e2e.backends import variables
from tests.e2e.dev.conftest import wait_until
from tests.e2e.hubs import TEMPLATE
from tests.e2e.killed import BACKOFF, go_through_kills
from tests.faces import FACES
from tests.ports import ReservedPort

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eventstore_hosting.valkey import ValkeyServer

pytestmark = pytest.mark.needs("kills")


class Gateway:
    """The local stack in a process of its own, whose functions and queues end with it.

    Args:
        port: Where its APIs are.
        redis_url: Its store.
        log: What it writes.
    """

    def __init__(self, port: ReservedPort, redis_url: str, log: Path) -> None:
        self.url = port.url
        self._command = [
            sys.executable,
            *("-m", "eventstore_dev", "--template", str(TEMPLATE), "--port", str(port.number)),
        ]
        self._environment = {
            **{name: value for name, value in os.environ.items() if name not in {"PORT", "FOLDER", "PARTITIONS"}},
            "PYTHONPATH": os.pathsep.join(sys.path),
            "AUTH": "none",
            **variables(redis_url),
            "REDIS_URL": redis_url,
        }
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, and return when a function has answered."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(self._command, env=self._environment, stdout=output, stderr=output)
        wait_until(self._answers, what=f"the stack to answer; see {self._log}", seconds=60)

    def kill(self) -> None:
        """End it as a fault would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def sweep(self) -> None:
        """Call the sweep."""
        urllib3.request("POST", f"{self.url}/2015-03-31/functions/SweepFunction/invocations", body=b"{}", timeout=60)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()[-2000:]
        try:
            answer = urllib3.request("GET", f"{self.url}/api/v1/health", timeout=10, retries=False)
        except urllib3.exceptions.HTTPError:
            return False
        return answer.status == 200


@pytest.fixture
def gateway(own_store: ValkeyServer, tmp_path: Path) -> Iterator[Gateway]:
    # Clients that try again while nothing listens could be given its port.
    with ReservedPort() as port:
        gateway = Gateway(port, own_store.url, tmp_path / "stack.log")
        try:
            yield gateway
        finally:
            gateway.kill()


@pytest.mark.parametrize("face", FACES)
def test_subscribers_and_workers_go_on_when_the_gateway_is_killed(gateway: Gateway, face: str) -> None:
    def kill(_: int) -> None:
        gateway.kill()
        gateway.start()

    with FACES[face](gateway.url, websocket_url=f"{gateway.url.replace('http', 'ws', 1)}/ws", backoff=BACKOFF) as store:
        # What a function had when it was killed may count as an attempt of its events.
        go_through_kills(store, kill, sweep=gateway.sweep, max_attempts=100, ack_deadline=10)
