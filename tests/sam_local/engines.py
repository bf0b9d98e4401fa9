"""The container engine that `sam local` would use, and how its containers reach this machine."""

from __future__ import annotations

import socket
import subprocess
from dataclasses import dataclass

__all__ = ["Engine", "NoEngineError", "engine"]

# As the engine calls processors, as Lambda calls them, and what pip calls wheels for them.
_PROCESSORS = {"amd64": ("x86_64", "manylinux2014_x86_64"), "arm64": ("arm64", "manylinux2014_aarch64")}
_IMAGE = "public.ecr.aws/lambda/python:3.13-{architecture}"
_ANSWER_WITHIN = 20
_FETCHED_WITHIN = 600


class NoEngineError(Exception):
    """No engine answers; the message says why."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that answers.

    Attributes:
        architecture: Of its containers, as Lambda names it.
        platform: Of wheels for them, as pip names it.
        host: What containers call this machine.
        relayed: Whether that is an address of this machine on which something must listen for them. It is where the
            engine runs on Linux itself; Docker Desktop hands on to 127.0.0.1 by itself.
    """

    architecture: str
    platform: str
    host: str
    relayed: bool


def engine() -> Engine:
    """The engine that runs here.

    Raises:
        NoEngineError: None does, or one that cannot have the containers in which functions run.
    """
    processor = _told("version", "--format", "{{.Server.Arch}}")
    if processor not in _PROCESSORS:
        raise NoEngineError(f"the engine's processor is {processor!r}; Lambda has {', '.join(_PROCESSORS)}")
    architecture, platform = _PROCESSORS[processor]
    _told("pull", "--quiet", _IMAGE.format(architecture=architecture), seconds=_FETCHED_WITHIN)
    # `sam local --docker-network host` does not lead here: containers stay in the default network, a bridge.
    gateway = _told("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    if _is_of_this_machine(gateway):
        return Engine(architecture, platform, gateway, relayed=True)
    return Engine(architecture, platform, "host.docker.internal", relayed=False)


def _told(*arguments: str, seconds: int = _ANSWER_WITHIN) -> str:
    try:
        done = subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True, timeout=seconds)
    except FileNotFoundError:
        raise NoEngineError("there is no `docker` on the PATH") from None
    except subprocess.TimeoutExpired:
        raise NoEngineError(f"`docker {arguments[0]}` does not answer within {seconds} s") from None
    if done.returncode != 0:
        words = done.stderr.strip().splitlines() or ["it does not say why"]
        raise NoEngineError(f"`docker {arguments[0]}` fails: {words[-1]}")
    return done.stdout.strip()


def _is_of_this_machine(address: str) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
