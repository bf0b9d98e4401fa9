"""The hub under test as a service: processes of the server on one cache."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from eventstore.hub.hub import Hub as Core
from eventstore.hub.settings import Settings
from eventstore_hosting.valkey import ValkeyServer
from tests.e2e.backends import variables
from tests.e2e.hubs import Hub
from tests.fakes.queues import FakeDispatchQueue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Instance", "ServerHub", "instances_on", "server_hub", "sweep"]

_READY = re.compile(r"Ready: REST at (http://\S+), WebSocket at (ws://\S+), gRPC at ([^\s,]+)")

_ENDED_WITHIN = 20.0
"""Seconds. An instance that drains has ten."""


@dataclass(frozen=True)
class Instance:
    """A process of the server.

    Attributes:
        process: The process.
        redis_url: Where its store is.
        url: Where its REST API is.
        websocket_url: Where its WebSocket API is.
        grpc: Host and port of its gRPC API.
        errors: What it logged.
    """

    process: subprocess.Popen[str]
    redis_url: str
    url: str
    websocket_url: str
    grpc: str
    errors: Path

    @classmethod
    def start(
        cls,
        redis_url: str,
        *,
        environment: Mapping[str, str] | None = None,
        port: int = 0,
        grpc_port: int = 0,
        logs: Path | None = None,
        program: str = "",
    ) -> Instance:
        """Start an instance, and return when it is ready.

        Args:
            redis_url: Where its store is.
            environment: Variables beside those that every instance has.
            port: The port of REST and WebSocket; 0 is any free one.
            grpc_port: The port of gRPC; 0 is any free one.
            logs: The folder in which its log is kept; None for a temporary file, which `end` deletes.
            program: The Python that runs it; empty for the module.

        Raises:
            RuntimeError: It did not start; the message says why.
        """
        set_variables = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "AUTH": "none",
            "LOOPBACK_TARGETS": "true",
            "TARGETS": "*",
            "LOG_LEVEL": "WARNING",
            "PYTHONFAULTHANDLER": "1",
            **variables(redis_url),
            **(environment or {}),
            "REDIS_URL": redis_url,
        }
        run = ["-c", program] if program else ["-m", "eventstore_server"]
        command = [sys.executable, *run, "--port", str(port), "--grpc-port", str(grpc_port)]
        descriptor, name = tempfile.mkstemp(prefix="server-", suffix=".log", dir=logs)
        errors = Path(name)
        with os.fdopen(descriptor, "w") as output:
            process = subprocess.Popen(command, env=set_variables, stdout=subprocess.PIPE, stderr=output, text=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        found = _READY.match(line)
        if found is None:
            process.kill()
            process.wait()
            process.stdout.close()
            raise RuntimeError(f"the server did not start: {line}{_taken(errors)[-2000:]}")
        return cls(process, redis_url, *found.groups(), errors)

    def restarted(self, *, environment: Mapping[str, str] | None = None) -> Instance:
        """Start an instance in place of this one, which has ended: on its ports, unless a connection has taken them."""
        ports = {"port": urlsplit(self.url).port or 0, "grpc_port": int(self.grpc.rpartition(":")[2])}
        try:
            return self.start(self.redis_url, environment=environment, logs=self.errors.parent, **ports)
        except RuntimeError as error:
            if "Address already in use" not in str(error):
                raise
        return self.start(self.redis_url, environment=environment, logs=self.errors.parent)

    def kill(self) -> None:
        """End it as a fault would."""
        self.process.kill()
        self._wait()

    def stop(self) -> None:
        """End it in order."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self._wait()

    def end(self) -> None:
        """End it in order, and delete its log."""
        try:
            self.stop()
        finally:
            self.errors.unlink(missing_ok=True)

    def pause(self) -> None:
        """Let it hang."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def _wait(self) -> None:
        try:
            self.process.wait(_ENDED_WITHIN)
        except subprocess.TimeoutExpired as error:
            # It writes what each of its threads does.
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            raise RuntimeError(f"the server did not end in time: {self.errors.read_text()[-20000:]}") from error
        finally:
            if self.process.stdout is not None:
                self.process.stdout.close()


@dataclass(frozen=True, kw_only=True)
class ServerHub(Hub):
    """The hub as a service."""

    instance: Instance

    @classmethod
    def of(cls, instance: Instance, valkey: ValkeyServer) -> ServerHub:
        """An instance that runs on a cache."""
        urls = {"url": instance.url, "websocket_url": instance.websocket_url, "grpc_url": f"grpc://{instance.grpc}"}
        return cls(instance=instance, valkey=valkey, copies_letters=False, **urls)

    def sweep(self) -> None:
        """See `Hub.sweep`."""
        sweep(self.valkey.url)

    def waiting(self, queue: str) -> int:  # noqa: ARG002 - there are no queues
        """See `Hub.waiting`."""
        return 0


def sweep(redis_url: str, environment: Mapping[str, str] = MappingProxyType({})) -> None:
    """Sweep a store, as one of its instances does every minute.

    Args:
        redis_url: The store.
        environment: Variables beside those that every instance has.
    """
    settings = {**os.environ, **variables(redis_url), **environment, "REDIS_URL": redis_url}
    core = Core(Settings.from_environment(settings))
    # The instances follow their partitions: they need no request of the sweep.
    replaced: Any = FakeDispatchQueue()
    core.dispatch_queue = replaced
    try:
        core.sweeper.sweep(until=core.clock.now() + 30_000)
    finally:
        core.close()


@contextmanager
def instances_on(
    redis_url: str, *, count: int, environment: Mapping[str, str] | None = None, port: int = 0, program: str = ""
) -> Iterator[list[Instance]]:
    """Run instances during the block.

    Args:
        redis_url: Where the store is.
        count: How many.
        environment: Variables beside those that every instance has.
        port: The port of the only one; 0 is any free one.
        program: As in `Instance.start`.
    """

    def start(_: int) -> Instance:
        instance = Instance.start(redis_url, environment=environment, port=port, program=program)
        stack.callback(instance.end)
        return instance

    with ExitStack() as stack, ThreadPoolExecutor(count) as threads:
        yield list(threads.map(start, range(count)))


@contextmanager
def server_hub(folder: Path) -> Iterator[Hub]:
    """Run one instance during the block."""
    with (
        ValkeyServer.start(folder=folder, persistent=True) as valkey,
        instances_on(valkey.url, count=1) as [instance],
    ):
        yield ServerHub.of(instance, valkey)


def _taken(log: Path) -> str:
    text = log.read_text()
    log.unlink()
    return text
