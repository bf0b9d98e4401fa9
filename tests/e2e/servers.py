"""The hub under test as a service: processes of the server on one cache."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventstore.hub.hub import Hub as Core
from eventstore.hub.settings import Settings
from eventstore_hosting.valkey import ValkeyServer
from tests.e2e.hubs import Hub
from tests.fakes.queues import FakeDispatchQueue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Instance", "ServerHub", "instances_on", "server_hub"]

_READY = re.compile(r"Ready: REST at (http://\S+), WebSocket at (ws://\S+), gRPC at ([^\s,]+)")


@dataclass(frozen=True)
class Instance:
    """A process of the server.

    Attributes:
        process: The process.
        url: Where its REST API is.
        websocket_url: Where its WebSocket API is.
        grpc: Host and port of its gRPC API.
        errors: What it logged.
    """

    process: subprocess.Popen[str]
    url: str
    websocket_url: str
    grpc: str
    errors: Path

    @classmethod
    def start(
        cls, redis_url: str, *, environment: Mapping[str, str] | None = None, port: int = 0, grpc_port: int = 0
    ) -> Instance:
        """Start an instance, and return when it is ready."""
        variables = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "AUTH": "none",
            "LOOPBACK_TARGETS": "true",
            "TARGETS": "*",
            "LOG_LEVEL": "WARNING",
            **(environment or {}),
            "REDIS_URL": redis_url,
        }
        command = [sys.executable, "-m", "eventstore_server", "--port", str(port), "--grpc-port", str(grpc_port)]
        errors = Path(tempfile.mkstemp(prefix="server-", suffix=".log")[1])
        with errors.open("w") as output:
            process = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=output, text=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        found = _READY.match(line)
        if found is None:
            process.kill()
            process.wait()
            raise RuntimeError(f"the server did not start: {line}{errors.read_text()[-2000:]}")
        return cls(process, *found.groups(), errors)

    def kill(self) -> None:
        """End it as a fault would."""
        self.process.kill()
        self._wait()

    def stop(self) -> None:
        """End it in order."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self._wait()

    def pause(self) -> None:
        """Let it hang."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def _wait(self) -> None:
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            if self.process.stdout is not None:
                self.process.stdout.close()


@dataclass(frozen=True, kw_only=True)
class ServerHub(Hub):
    """The hub as a service."""

    instance: Instance

    def sweep(self) -> None:
        """See `Hub.sweep`."""
        core = Core(Settings.from_environment({"REDIS_URL": self.valkey.url}))
        # The instances follow their partitions: they need no request of the sweep.
        replaced: Any = FakeDispatchQueue()
        core.dispatch_queue = replaced
        try:
            core.sweeper.sweep(until=core.clock.now() + 30_000)
        finally:
            core.close()

    def waiting(self, queue: str) -> int:  # noqa: ARG002 - there are no queues
        """See `Hub.waiting`."""
        return 0


@contextmanager
def instances_on(redis_url: str, *, count: int) -> Iterator[list[Instance]]:
    """Run instances during the block."""
    with ExitStack() as stack:
        instances = []
        for _ in range(count):
            instance = Instance.start(redis_url)
            stack.callback(_end, instance)
            instances.append(instance)
        yield instances


@contextmanager
def server_hub(folder: Path) -> Iterator[Hub]:
    """Run one instance during the block."""
    with (
        ValkeyServer.start(folder=folder, persistent=True) as valkey,
        instances_on(valkey.url, count=1) as [instance],
    ):
        urls = {"url": instance.url, "websocket_url": instance.websocket_url}
        yield ServerHub(instance=instance, valkey=valkey, copies_letters=False, **urls)


def _end(instance: Instance) -> None:
    if instance.process.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            instance.stop()
