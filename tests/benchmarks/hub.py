"""The local stack as `make dev` runs it, of the hub or of another template, in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from eventstore_client import ClientError, EventStore
from eventstore_hosting.lifeline import Lifeline
from tests.ports import ReservedPort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["running_hub", "running_stack"]

_ROOT = Path(__file__).parents[2]
_READY_WITHIN = 30.0
_STOP_WITHIN = 15.0
_NOTHING: Mapping[str, str] = MappingProxyType({})


@contextmanager
def running_hub(redis_url: str, *, variables: Mapping[str, str] = _NOTHING) -> Iterator[str]:
    """Where the hub answers, on the Valkey at `redis_url`, for as long as the block lasts.

    Args:
        redis_url: The Valkey.
        variables: Environment variables, as `make dev` reads them.

    Raises:
        RuntimeError: It does not start; the message has its last words.
    """
    with _running({"REDIS_URL": redis_url, **variables}, [], _answers) as url:
        yield url


@contextmanager
def running_stack(template: Path) -> Iterator[str]:
    """Where the stack of a template answers, for as long as the block lasts.

    Args:
        template: The template, outside the project: a stack starts its functions again when their folder changes.

    Raises:
        RuntimeError: It does not start; the message has its last words.
    """
    with _running({}, ["--template", str(template)], _serves) as url:
        yield url


@contextmanager
def _running(variables: Mapping[str, str], options: Sequence[str], is_ready: Callable[[str], bool]) -> Iterator[str]:
    with ReservedPort() as port, tempfile.TemporaryFile() as output, Lifeline(ending=signal.SIGTERM) as lifeline:
        process = subprocess.Popen(
            [sys.executable, "-m", "eventstore_dev", "--port", str(port.number), *options],
            cwd=_ROOT,
            env=os.environ | variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=lifeline.group,
        )
        try:
            if not _becomes_ready(process, lambda: is_ready(port.url)):
                output.seek(0)
                raise RuntimeError(f"the stack does not answer. Its last words:\n{output.read()[-2000:].decode()}")
            yield port.url
        finally:
            process.terminate()
            try:
                process.wait(timeout=_STOP_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _becomes_ready(process: subprocess.Popen[bytes], is_ready: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _READY_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        if is_ready():
            return True
        time.sleep(0.02)
    return False


def _answers(url: str) -> bool:
    with EventStore(url) as store:
        try:
            store.health()
        except ClientError:
            return False
    return True


def _serves(url: str) -> bool:
    """Whether the port of a stack is open, which it is once its queues and functions are there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) == 0
