"""What is said of an instance that cannot start."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

from eventstore_hosting.valkey import ValkeyServer

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_that_is_in_use_is_named_with_the_ways_to_choose_another(tmp_path: Path) -> None:
    with ValkeyServer.start(folder=tmp_path / "valkey"):
        message = _refused(PORT="0", GRPC_PORT="0", DATA=str(tmp_path))
    assert f"{tmp_path}/valkey is in use by another instance" in message
    assert message.endswith("choose another folder: DATA=…, or --data\n")


def test_a_port_that_is_in_use_is_named_with_the_ways_to_choose_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        message = _refused(PORT=str(port), GRPC_PORT="0", DATA=str(tmp_path))
    assert f"127.0.0.1:{port} cannot be used" in message
    assert message.endswith("choose another port: PORT=…, or --port\n")


def _refused(**variables: str) -> str:
    """What an instance says that does not start."""
    environment = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path), "AUTH": "none", **variables}
    done = subprocess.run(
        [sys.executable, "-m", "eventstore_server"],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    return done.stderr
