"""The container engine that `sam local` would use, and how its containers reach this machine."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from tests.sam_local.commands import DockerError, docker
from tests.sam_local.images import NoImageError, base_image

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Engine", "NoEngineError", "engine"]

# The names of architectures for the engine, for Lambda, and for the wheels of pip.
_PROCESSORS = {"amd64": ("x86_64", "manylinux2014_x86_64"), "arm64": ("arm64", "manylinux2014_aarch64")}


class NoEngineError(Exception):
    """No engine answers, or it has no image for Lambda's Python; the message says why."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that answers.

    Attributes:
        architecture: Of its containers, as Lambda names it.
        platform: Of wheels for them, as pip names it.
        image: The image in which functions run: AWS's, or a local stand-in.
        host: What containers call this machine.
        relayed: Whether that is an address of this machine on which something must listen for them. It is where the
            engine runs on Linux itself; Docker Desktop hands on to 127.0.0.1 by itself.
    """

    architecture: str
    platform: str
    image: str
    host: str
    relayed: bool


def engine() -> Engine:
    """Detect the engine of this machine.

    Raises:
        NoEngineError: None does, or one that cannot have the containers in which functions run.
        DockerError: The engine answers, and then does not do what an engine does.
    """
    try:
        processor = docker("version", "--format", "{{.Server.Arch}}")
    except DockerError as error:
        raise NoEngineError(str(error)) from None
    if processor not in _PROCESSORS:
        raise NoEngineError(f"the engine's processor is {processor!r}; Lambda has {', '.join(_PROCESSORS)}")
    architecture, platform = _PROCESSORS[processor]
    try:
        image = base_image(architecture, platform)
    except NoImageError as error:
        raise NoEngineError(str(error)) from None
    # `sam local --docker-network host` does not help: containers stay in the default bridge network.
    for gateway in _gateways():
        if _is_of_this_machine(gateway):
            return Engine(architecture, platform, image, gateway, relayed=True)
    return Engine(architecture, platform, image, "host.docker.internal", relayed=False)


def _gateways() -> Iterator[str]:
    """The addresses by which containers in the default network reach the engine's machine.

    An engine that has not been restarted since it made the network names no gateway (moby issue 26799). It takes the
    first address of the subnet.
    """
    configs: list[dict[str, Any]] = json.loads(
        docker("network", "inspect", "bridge", "--format", "{{json .IPAM.Config}}")
    )
    for config in configs or ():
        yield config.get("Gateway") or str(next(ip_network(config["Subnet"], strict=False).hosts()))


def _is_of_this_machine(address: str) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
