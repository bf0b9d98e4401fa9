"""Writing to standard output and standard error, which may be closed, full, or unable to encode some characters."""

from __future__ import annotations

import codecs
import errno
import logging
import os
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from eventstore_client.cli.widths import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "ESCAPING",
    "WarningHandler",
    "print_lines",
    "printing",
    "retry_io",
    "say",
    "say_bytes",
    "say_line",
    "write_line",
]

_Result = TypeVar("_Result")
_Options = TypeVar("_Options")
_Store = TypeVar("_Store")

_log = logging.getLogger("eventstore_client")

_BUSY = {errno.EAGAIN}
"""Errors of an output that has room as soon as its reader reads."""

_FULL = {errno.ENOSPC, errno.EDQUOT}
"""Errors that end when a person makes room; a closed output remains closed."""

ESCAPING = "eventstore-escaping"
"""The handler of encoding errors that writes a character as a JSON escape (RFC 8259, 7), which is equivalent JSON."""


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    codes = (int.from_bytes(units[start : start + 2]) for start in range(0, len(units), 2))
    return "".join(f"\\u{code:04x}" for code in codes), error.end


codecs.register_error(ESCAPING, _escape)


def write_line(line: str, *, wait: Callable[[float], object], waits_for_room: bool = False) -> None:
    """Write a line to standard output, and return when all of it is written.

    Args:
        line: The line without its line break.
        wait: Waits for a number of seconds while the output has no room. It may raise an exception to stop.
        waits_for_room: Whether it waits for room on a full disk, too, which may never be there.

    Raises:
        OSError: The line cannot be written, for example because the pipe is closed.
    """
    sys.stdout.flush()
    # Bypasses the buffers, so that the number of bytes written is known and none is written twice.
    binary: Any = sys.stdout.buffer
    raw = getattr(binary, "raw", binary)
    temporary = _BUSY | _FULL if waits_for_room else _BUSY
    remaining = memoryview(f"{line}\n".encode(sys.stdout.encoding, ESCAPING))
    while remaining:
        count = retry_io(
            partial(_write, raw, remaining),
            wait=wait,
            what="cannot write the output",
            is_temporary=lambda error: error.errno in temporary,
        )
        remaining = remaining[count:]


def _write(raw: Any, remaining: memoryview) -> int:  # noqa: ANN401 - a raw stream, or a substitute in tests
    count = raw.write(remaining)
    if count is None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return int(count)


def retry_io(
    action: Callable[[], _Result],
    *,
    wait: Callable[[float], object],
    what: str,
    is_temporary: Callable[[OSError], bool],
) -> _Result:
    """Call the action each second until it succeeds, and return its result. Warnings become rarer over time.

    Args:
        action: The action to retry.
        wait: Waits for a number of seconds. It may raise an exception to stop.
        what: The failure as warnings name it.
        is_temporary: Whether an error may end by itself, and is retried.

    Raises:
        OSError: An error that is not temporary.
    """
    failures = 0
    while True:
        try:
            return action()
        except OSError as error:
            if not is_temporary(error):
                raise
            if failures & (failures - 1) == 0:
                _log.warning("%s: %s; retrying", what, error)
            failures += 1
        wait(1.0)


def say(line: str) -> None:
    """Write a message to standard error, unless it is closed."""
    say_line(f"eventstore: {line}")


def say_line(line: str) -> None:
    """Write a line to standard error, unless it is closed. A terminal obeys none of what a hub sent."""
    # `print` with None as its file writes to standard output.
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(escaped(line), file=sys.stderr, flush=True)


def printing(
    lines_of: Callable[[_Options, _Store], Iterable[str]],
) -> Callable[[_Options, _Store], None]:
    """Return a runner of a command that prints the lines which a function returns."""
    return lambda options, store: print_lines(lines_of(options, store))


def print_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output, which buffers them."""
    for line in lines:
        print(line)


def say_bytes(text: bytes) -> None:
    """Write to standard error without Python's buffer, which an interrupted thread may hold."""
    # If standard error was closed at the start, file descriptor 2 may belong to a connection.
    if sys.stderr is not None:
        with suppress(OSError):
            os.write(2, text)


class WarningHandler(logging.Handler):
    """Writes the client's warnings to standard error."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a warning."""
        say(self.format(record))
