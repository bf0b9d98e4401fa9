from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from eventstore_dev.invocation import Limits
from eventstore_dev.running import running
from eventstore_dev.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from eventstore_dev.stack import Stack
    from eventstore_dev.websocket.clock import Clock

TEMPLATE = Path(__file__).parent / "fixtures" / "template.yaml"
LIMITS = Limits(integration_seconds=5, event_retry_seconds=(0.01, 0.01), concurrency=4, redelivery_seconds=0.02)


@dataclass
class Running:
    """A running stack, an HTTP client for it, and its output."""

    stack: Stack
    written: io.StringIO
    http: urllib3.PoolManager

    @property
    def url(self) -> str:
        """Where its APIs are."""
        return self.stack.url

    def call(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        return self.http.request(method, self.stack.url + path, body=body, headers=headers)

    def event(self, path: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - what `call` takes
        """The event that the stack sends for a request."""
        event: dict[str, Any] = self.call(options.pop("method", "GET"), path, **options).json()
        return event

    def answer(self, answer_json: object, *, accept: str = "*/*") -> urllib3.BaseHTTPResponse:
        """The response to an answer of the function."""
        return self.call("POST", "/answer", body=json.dumps(answer_json).encode(), headers={"Accept": accept})

    def invoke(self, function: str, event: object, **headers: str) -> urllib3.BaseHTTPResponse:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"/2015-03-31/functions/{function}/invocations"
        return self.call("POST", path, body=json.dumps(event).encode(), headers=names)


@contextmanager
def serve(limits: Limits, *, verbose: bool = False, clock: Clock | None = None) -> Iterator[Running]:
    written = io.StringIO()
    terminal = Terminal(stream=written, verbose=verbose)
    with (
        running(TEMPLATE, limits=limits, terminal=terminal, clock=clock) as stack,
        urllib3.PoolManager(retries=False, maxsize=10) as http,
    ):
        yield Running(stack, written, http)


@pytest.fixture(scope="package")
def dev() -> Iterator[Running]:
    """A stack that tests share; each test leaves it usable."""
    with serve(LIMITS, verbose=True) as running_stack:
        yield running_stack


def wait_until(condition: Callable[[], object], *, what: str, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still waiting: {what}"
        time.sleep(0.01)


@contextmanager
def parent_that_is_killed(module: str, server: str, *, folder: Path | None = None) -> Iterator[int]:
    """Yield the port of a server of a class that another process started. That process is killed after the block.

    Args:
        module: The module of the class.
        server: The class.
        folder: Where the server has its files; a temporary folder if there is none.
    """
    place = f"Path({str(folder)!r})" if folder else "None"
    script = f"""
import signal
from pathlib import Path
from {module} import {server}

print({server}.start(folder={place}).port, flush=True)
signal.pause()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
    ) as parent:
        try:
            assert parent.stdout is not None
            yield int(parent.stdout.readline())
        finally:
            parent.send_signal(signal.SIGKILL)
