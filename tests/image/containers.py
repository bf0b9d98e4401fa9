"""Containers of the image, as an operator starts them: no root, nothing writable but its volume, no capabilities."""

from __future__ import annotations

import secrets
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.sam_local.commands import DockerError, docker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Container", "network", "running", "volume"]

_REST, _GRPC = 8081, 9001
_HEALTHY_WITHIN = 90.0
_STRICT = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")  # noqa: S108 - in the container


@dataclass(frozen=True, slots=True)
class Container:
    """A container that was started.

    Attributes:
        name: Its name.
    """

    name: str

    @property
    def url(self) -> str:
        """Where its REST API is."""
        return f"http://{self._address(_REST)}"

    @property
    def websocket_url(self) -> str:
        """Where its WebSocket API is."""
        return f"ws://{self._address(_REST)}/ws"

    @property
    def grpc(self) -> str:
        """Where its gRPC API is."""
        return self._address(_GRPC)

    @property
    def exit_code(self) -> int:
        """How its program ended."""
        return int(docker("inspect", "--format", "{{.State.ExitCode}}", self.name))

    def await_healthy(self) -> None:
        """Wait until the image's own health check succeeds.

        Raises:
            TimeoutError: It does not within a minute and a half.
        """
        deadline = time.monotonic() + _HEALTHY_WITHIN
        while docker("inspect", "--format", "{{.State.Health.Status}}", self.name) != "healthy":
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} is not healthy: {docker('logs', '--tail', '20', self.name)}")
            time.sleep(0.2)

    def stop(self) -> float:
        """Stop it as `docker stop` does, and return how many seconds that took."""
        begun = time.monotonic()
        docker("stop", self.name, seconds=60)
        return time.monotonic() - begun

    def start(self) -> None:
        """Start it again after it was stopped."""
        docker("start", self.name, seconds=60)

    def kill(self) -> None:
        """End it by SIGKILL."""
        docker("kill", self.name)

    def _address(self, port: int) -> str:
        return docker("port", self.name, f"{port}/tcp").splitlines()[0]


@contextmanager
def running(
    image: str,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    options: tuple[str, ...] = (),
) -> Iterator[Container]:
    """Run a container during the block; its ports are published on free ports of 127.0.0.1.

    Args:
        image: The image.
        arguments: Those of its program.
        environment: Further variables.
        options: Further options of `docker run`.
    """
    name = f"hub-{secrets.token_hex(4)}"
    ports = [option for port in (_REST, _GRPC) for option in ("--publish", f"127.0.0.1::{port}")]
    variables = [option for key, value in (environment or {}).items() for option in ("--env", f"{key}={value}")]
    docker("run", "--detach", "--name", name, *_STRICT, *ports, *variables, *options, image, *arguments, seconds=60)
    try:
        yield Container(name)
    finally:
        _remove("rm", "--force", "--volumes", name)


@contextmanager
def volume() -> Iterator[str]:
    """A volume, which is removed after the block."""
    name = docker("volume", "create", f"hub-{secrets.token_hex(4)}")
    try:
        yield name
    finally:
        _remove("volume", "rm", name)


@contextmanager
def network() -> Iterator[str]:
    """A network in which containers find each other by name; it is removed after the block."""
    name = f"hub-{secrets.token_hex(4)}"
    docker("network", "create", name)
    with ExitStack() as stack:
        stack.callback(_remove, "network", "rm", name)
        yield name


def _remove(*arguments: str) -> None:
    with suppress(DockerError):
        docker(*arguments, seconds=60)
