"""Runs a command beside LocalStack's SQS: `python -m tests.localstack PYTHON COMMAND...`.

PYTHON has `localstack-core`; the command finds where it listens in AWS_ENDPOINT_URL. It runs on the host, without
Docker or a token, and listens on 127.0.0.1 alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.ports import ReservedPort
from tests.served import serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@contextmanager
def localstack(python: str) -> Iterator[str]:
    """Run LocalStack during the block; yield its address.

    Raises:
        RuntimeError: It does not start; the message has its last words.
    """
    with ReservedPort() as port, tempfile.TemporaryDirectory(prefix="localstack-") as name:
        folder = Path(name)
        settings = {
            "GATEWAY_LISTEN": f"127.0.0.1:{port.number}",
            "GATEWAY_SERVER": "hypercorn",
            "OVERRIDE_IN_DOCKER": "0",
            "SERVICES": "sqs",
            "FILESYSTEM_ROOT": name,
            # Without update checks and analytics.
            "DISABLE_EVENTS": "1",
            "DNS_ADDRESS": "0",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
        }
        with serving(
            [Path(python).absolute(), "-m", "localstack.runtime.main"],
            asked=f"{port.url}/_localstack/health",
            environment=os.environ | settings,
            folder=folder,
            log=folder / "log",
        ):
            yield f"http://127.0.0.1:{port}"


def main(arguments: Sequence[str]) -> int:
    """Return the exit code of the command."""
    python, *command = arguments
    with localstack(python) as url:
        return subprocess.run(command, env=os.environ | {"AWS_ENDPOINT_URL": url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
