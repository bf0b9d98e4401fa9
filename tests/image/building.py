"""Building the image, on a base that can be had here."""

from __future__ import annotations

import re
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.sam_local.commands import DockerError, docker
from tests.sam_local.stand_ins import find_python

__all__ = ["ROOT", "NoBaseError", "base_image", "build"]

ROOT = Path(__file__).parents[2]
_STAND_IN = "eventstore/python-slim:3.13"
_PULLED_WITHIN, _BUILT_WITHIN = 300.0, 900.0


class NoBaseError(Exception):
    """The pinned base is not available, and no stand-in can be made; the message says why."""


def base_image() -> str:
    """Return the name of a base image: the one that the Dockerfile pins, or a stand-in if no registry answers.

    Raises:
        NoBaseError: There is none.
    """
    [pinned] = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for image in (pinned, _STAND_IN):
        with suppress(DockerError):
            docker("image", "inspect", "--format", "{{.Id}}", image)
            return str(image)
    try:
        docker("pull", "--quiet", pinned, seconds=_PULLED_WITHIN)
    except DockerError as error:
        if (python := find_python()) is None:
            raise NoBaseError(f"{error}; a base made in its place takes Python 3.13, and none is here") from None
        command = [str(ROOT / ".ci/python-image"), str(python.executable), _STAND_IN]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["it does not say why"]
            raise NoBaseError(f"{error}; and no base can be made in its place: {lines[-1]}") from None
        return _STAND_IN
    return str(pinned)


def build(name: str, base: str) -> None:
    """Build the image.

    Args:
        name: Of the image.
        base: The image to build it on.

    Raises:
        DockerError: It cannot be built.
    """
    # The engine that CI starts forwards nothing, so the build uses this machine's own network to reach PyPI.
    options = ("--network", "host", "--build-arg", f"PYTHON_IMAGE={base}", "--tag", name)
    docker("build", "--quiet", *options, str(ROOT), seconds=_BUILT_WITHIN)
