"""The local stack as `make dev` runs it, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore_client import ClientError, EventStore
from eventstore_dev.lifeline import Lifeline
from eventstore_dev.valkey.server import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["running_hub"]

_ROOT = Path(__file__).parents[2]
_READY_WITHIN = 30.0
_STOP_WITHIN = 15.0


@contextmanager
def running_hub(redis_url: str) -> Iterator[str]:
    """Where the hub answers, on the Valkey at `redis_url`, for as long as the block lasts.

    Raises:
        RuntimeError: It does not start; the message has its last words.
    """
    port = free_port()
    environment = os.environ | {"REDIS_URL": redis_url, "PORT": str(port)}
    with tempfile.TemporaryFile() as output, Lifeline(ending=signal.SIGTERM) as lifeline:
        process = subprocess.Popen(
            [sys.executable, "-m", "eventstore_dev"],
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=lifeline.group,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            if not _answers(url, process):
                output.seek(0)
                raise RuntimeError(f"the hub does not answer. Its last words:\n{output.read()[-2000:].decode()}")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(timeout=_STOP_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + _READY_WITHIN
    with EventStore(url) as store:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                store.health()
            except ClientError:
                time.sleep(0.02)
            else:
                return True
    return False
