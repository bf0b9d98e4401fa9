"""The `docker` command."""

from __future__ import annotations

import subprocess
from typing import IO

__all__ = ["DockerError", "docker"]

_ANSWER_WITHIN = 20


class DockerError(Exception):
    """The command is missing, fails, or does not answer in time; the message says which."""


def docker(*arguments: str, seconds: float = _ANSWER_WITHIN, stdin: IO[bytes] | int = subprocess.DEVNULL) -> str:
    """Run the command; return its output.

    Args:
        arguments: Of the command.
        seconds: How long it may take.
        stdin: What it reads.

    Raises:
        DockerError: It does not do what it is to.
    """
    try:
        done = subprocess.run(["docker", *arguments], check=False, capture_output=True, timeout=seconds, stdin=stdin)
    except FileNotFoundError:
        raise DockerError("there is no `docker` on the PATH") from None
    except subprocess.TimeoutExpired:
        raise DockerError(f"`docker {arguments[0]}` does not answer within {seconds} s") from None
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["it does not say why"]
        raise DockerError(f"`docker {arguments[0]}` fails: {lines[-1]}")
    return done.stdout.decode(errors="replace").strip()
