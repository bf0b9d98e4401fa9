"""MiniStack emulates AWS on one port of 127.0.0.1, without Docker. Functions run in processes of its own Python."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eventstore_hosting.valkey.server import LOCAL
from tests.ports import ReservedPort
from tests.served import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["ministack"]

# Functions inherit the environment of MiniStack, and would import this project's folders instead of their layers.
_PASSED_ON = ("PATH", "LANG", "LC_ALL")


@contextmanager
def ministack(program: Path, folder: Path) -> Iterator[str]:
    """Run MiniStack during the block; its data is in the folder.

    Raises:
        RuntimeError: It does not start; the message has its last words.
    """
    with ReservedPort() as port:
        settings = {
            "BIND_HOST": LOCAL,
            "GATEWAY_PORT": str(port.number),
            "MINISTACK_HOST": LOCAL,
            # Both would listen on all interfaces.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "S3_DATA_DIR": str(folder / "s3"),
            "STATE_DIR": str(folder / "state"),
        }
        with serving(
            [program.absolute()],
            asked=f"{port.url}/_ministack/health",
            environment={name: os.environ[name] for name in _PASSED_ON if name in os.environ} | settings,
            folder=folder,
            log=folder / "ministack.log",
        ):
            yield port.url
