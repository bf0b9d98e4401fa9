"""How a program that hosts the hub ends."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn

__all__ = ["end", "report"]


def report(program: str, error: Exception | str) -> None:
    """Print why a program ends. A standard error that is closed makes no other failure of it."""
    with suppress(OSError):
        print(f"{program}: {error}", file=sys.stderr)  # noqa: T201 - it is what the user of the program reads


def end(status: int) -> NoReturn:
    """End the process once all is closed.

    A thread that waits for a server that does not answer cannot be called off, and `sys.exit` would join it.
    """
    for stream in (sys.stdout, sys.stderr):
        # A standard stream that was closed before the start is None.
        with suppress(OSError, AttributeError):
            stream.flush()
    os._exit(status)
