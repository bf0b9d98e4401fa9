"""Runs a command beside LocalStack's SQS: `python -m tests.localstack PYTHON COMMAND...`.

PYTHON has `localstack-core`; the command finds where it listens in AWS_ENDPOINT_URL. It runs on the host, without
Docker or a token, and listens on 127.0.0.1 alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore_dev.valkey.server import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_READY_WITHIN = 120.0
_STOP_WITHIN = 5.0


@contextmanager
def localstack(python: str) -> Iterator[str]:
    """Where LocalStack listens, for as long as the block lasts.

    Raises:
        RuntimeError: It does not start; the message has its last words.
    """
    with tempfile.TemporaryDirectory(prefix="localstack-") as folder:
        port, log = free_port(), Path(folder, "log")
        settings = {
            "GATEWAY_LISTEN": f"127.0.0.1:{port}",
            "GATEWAY_SERVER": "hypercorn",
            "OVERRIDE_IN_DOCKER": "0",
            "SERVICES": "sqs",
            "FILESYSTEM_ROOT": folder,
            # It asks nobody, and tells nobody.
            "DISABLE_EVENTS": "1",
            "DNS_ADDRESS": "0",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
        }
        with log.open("wb") as written:
            process = subprocess.Popen(
                [Path(python).absolute(), "-m", "localstack.runtime.main"],
                env=os.environ | settings,
                cwd=folder,
                stdout=written,
                stderr=subprocess.STDOUT,
            )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(f"{url}/_localstack/health", process, log)
            yield url
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_WITHIN)
    except subprocess.TimeoutExpired:
        # Now and then its threads wait for each other for ever.
        process.kill()
        process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _READY_WITHIN
    while True:
        try:
            with opener.open(url, timeout=5):
                return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                words = log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"LocalStack does not answer at {url}. Its last words:\n{words}") from error
            time.sleep(0.1)


def main(arguments: Sequence[str]) -> int:
    """The command's exit code."""
    python, *command = arguments
    with localstack(python) as url:
        return subprocess.run(command, env=os.environ | {"AWS_ENDPOINT_URL": url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
