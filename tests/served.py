"""Programs that serve HTTP on 127.0.0.1 during a block."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.error import HTTPError

from eventstore_hosting.lifeline import Lifeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["serving"]

_READY_WITHIN = 120.0
_STOP_WITHIN = 5.0


@contextmanager
def serving(
    command: Sequence[str | Path],
    *,
    asked: str,
    environment: Mapping[str, str],
    folder: Path,
    log: Path,
    status: int = 200,
) -> Iterator[None]:
    """Run a program during the block, which begins once the program answers; then end it with its children.

    Args:
        asked: The URL that it answers once it is ready.
        environment: All that it gets.
        folder: Where it runs.
        log: Where its words go.
        status: Of that answer.

    Raises:
        RuntimeError: It does not start; the message has its last words.
    """
    with Lifeline() as lifeline, log.open("wb") as written:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            process_group=lifeline.group,
        )
        try:
            _wait_for(asked, status, process, log)
            yield
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_WITHIN)
    except subprocess.TimeoutExpired:
        # The threads of such a program occasionally deadlock.
        process.kill()
        process.wait()


def _wait_for(url: str, status: int, process: subprocess.Popen[bytes], log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _READY_WITHIN
    while True:
        try:
            with opener.open(url, timeout=5) as answer:
                status_text = f"it answers {(code := answer.status)}"
        except HTTPError as error:
            status_text = f"it answers {(code := error.code)}"
        except OSError as error:
            code, status_text = None, str(error)
        if code == status:
            return
        if process.poll() is not None or time.monotonic() > deadline:
            words = log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{url} does not answer {status}: {status_text}. Its program's last words:\n{words}")
        time.sleep(0.1)
