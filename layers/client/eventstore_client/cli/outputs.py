"""What the command line writes, where it may be closed, full, or of an encoding that lacks characters."""

from __future__ import annotations

import codecs
import errno
import logging
import os
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ESCAPING", "Words", "persist", "say", "say_bytes", "write_line"]

_Result = TypeVar("_Result")

_log = logging.getLogger("eventstore_client")

_PASSING = {errno.ENOSPC, errno.EDQUOT, errno.EAGAIN}
"""A disk that is full has room again some day; what is closed stays closed."""

ESCAPING = "eventstore-escaping"
"""The handler of encoding errors that writes a character as JSON escapes it (RFC 8259, 7): it is the same JSON then."""


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    codes = (int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2))
    return "".join(f"\\u{code:04x}" for code in codes), error.end


codecs.register_error(ESCAPING, _escaped)


def write_line(line: str, *, wait: Callable[[float], object]) -> None:
    """Write a line to standard output, and return when all of it is written.

    Args:
        line: What it holds.
        wait: Lets seconds pass while there is no room; it may raise, to end that.

    Raises:
        OSError: It cannot be written, as when nobody reads any more.
    """
    sys.stdout.flush()
    # Past the buffers: how much of it was written is known, and nothing of it is written twice.
    binary: Any = sys.stdout.buffer
    raw = getattr(binary, "raw", binary)
    left = memoryview(f"{line}\n".encode(sys.stdout.encoding, ESCAPING))
    while left:
        count = persist(
            partial(_written, raw, left),
            wait=wait,
            what="the output cannot be written",
            passing=lambda error: error.errno in _PASSING,
        )
        left = left[count:]


def _written(raw: Any, left: memoryview) -> int:  # noqa: ANN401 - a raw stream, or what stands for one in a test
    count = raw.write(left)
    if count is None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return int(count)


def persist(
    action: Callable[[], _Result], *, wait: Callable[[float], object], what: str, passing: Callable[[OSError], bool]
) -> _Result:
    """What the action returns, tried each second for as long as its failure may pass; the log says so, less and less.

    Raises:
        OSError: A failure that does not pass.
    """
    failures = 0
    while True:
        try:
            return action()
        except OSError as error:
            if not passing(error):
                raise
            if failures & (failures - 1) == 0:
                _log.warning("%s: %s; trying again", what, error)
            failures += 1
        wait(1.0)


def say(line: str) -> None:
    """Write a line for a person to standard error, if anybody can read it there."""
    # `print` to a file that is None would write to standard output.
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(f"eventstore: {line}", file=sys.stderr, flush=True)


def say_bytes(text: bytes) -> None:
    """Write to standard error past Python's buffer, which a thread that is interrupted may be writing to."""
    # Where it was closed at the start, the number 2 may belong to a connection by now.
    if sys.stderr is not None:
        with suppress(OSError):
            os.write(2, text)


class Words(logging.Handler):
    """Says the client's warnings to a person."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one."""
        say(self.format(record))
