"""NATS servers with JetStream as child processes, which tests kill and start again.

`python -m tests.nats_server COMMAND…` runs a command beside one, with BACKEND and NATS_URL.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore_hosting.lifeline import Lifeline
from eventstore_hosting.valkey.server import LOCAL, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

__all__ = ["NatsServer"]

_READY_WITHIN = 20.0
_CONFIGURATION = """
jetstream {{ store_dir: "{folder}", {jetstream} }}
{more}
"""


class NatsServer:
    """One server on 127.0.0.1. What it acknowledged is on disk: it can be killed and started again.

    Attributes:
        port: Its port, also after it was started again.
    """

    def __init__(self, folder: Path, lifeline: Lifeline, placement: Callable[[], AbstractContextManager[None]]) -> None:
        self.port = free_port()
        self._folder = folder
        self._lifeline = lifeline
        self._placement = placement
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def started(
        cls,
        *,
        configuration: str = "",
        jetstream: str = "sync_interval: always",
        placement: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Iterator[NatsServer]:
        """Run a server during the block.

        Args:
            configuration: What else is in its configuration file.
            jetstream: The settings of JetStream, beside its folder; that of the server for `sync_interval` is two
                minutes, which may lose what it acknowledged.
            placement: The context in which its process starts; says for example on which processors it runs.
        """
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nats-")))
            text = _CONFIGURATION.format(folder=folder / "data", jetstream=jetstream, more=configuration)
            (folder / "nats.conf").write_text(text)
            server = cls(folder, stack.enter_context(Lifeline()), placement)
            stack.callback(server.kill)
            server.start()
            yield server

    @classmethod
    @contextmanager
    def cluster(cls) -> Iterator[list[NatsServer]]:
        """Run three servers that keep each stream together, during the block. They are not yet ready for JetStream."""
        routes = [free_port() for _ in range(3)]
        known = ", ".join(f"nats://{LOCAL}:{route}" for route in routes)
        with ExitStack() as stack:
            yield [
                stack.enter_context(
                    cls.started(
                        configuration=f"server_name: s{number}\n"
                        f"cluster {{ name: tests, listen: {LOCAL}:{route}, routes: [{known}] }}"
                    )
                )
                for number, route in enumerate(routes)
            ]

    @property
    def url(self) -> str:
        """The `NATS_URL` of the server, without who connects."""
        return f"nats://{LOCAL}:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        # The wheel puts its program beside Python's own.
        program = shutil.which("nats-server", path=str(Path(sys.executable).parent))
        assert program is not None, "there is no nats-server: install requirements-test.txt"
        quiet = subprocess.DEVNULL
        command = [program, "--addr", LOCAL, "--port", str(self.port), "--config", str(self._folder / "nats.conf")]
        with (self._folder / "log").open("ab") as log, self._placement():
            self._process = subprocess.Popen(
                command, stdin=quiet, stdout=log, stderr=log, process_group=self._lifeline.group
            )
        deadline = time.monotonic() + _READY_WITHIN
        while self._process.poll() is None:
            with suppress(OSError), socket.create_connection((LOCAL, self.port), 1) as probe:
                if probe.recv(4) == b"INFO":
                    return
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)
        raise AssertionError(f"nats-server does not start: {(self._folder / 'log').read_text()[-2000:]}")

    def kill(self) -> None:
        """Kill it, as a machine that fails."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


def main(command: Sequence[str]) -> int:
    """Return the exit code of a command that runs beside a server."""
    with NatsServer.started() as server:
        environment = os.environ | {"BACKEND": "nats", "NATS_URL": server.url}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
