"""What the developer sees: one line a request, one a log line, little else."""

from __future__ import annotations

import os
import re
import sys
import time
from io import UnsupportedOperation
from typing import TYPE_CHECKING, TextIO

from eventstore_dev.output import Output

if TYPE_CHECKING:
    from eventstore_dev.invocation import Outcome

_RESET, _BOLD, _DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
_RED, _GREEN, _YELLOW, _BLUE, _MAGENTA, _CYAN = (f"\x1b[{code}m" for code in range(31, 37))
# HTTP statuses, and the close codes of WebSocket connections.
_BY_CLASS = {1: _CYAN, 2: _GREEN, 3: _CYAN, 4: _YELLOW, 5: _RED, 10: _CYAN}
# A path is the client's: it is not to move the cursor, nor to begin another line.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LINE_ENDS = re.compile(r"\n{2,}")
_SLOW_SECONDS = 1.0
# How long the end of the stack waits for an output that does not take what is written.
_DRAIN_SECONDS = 0.5


class Terminal:
    """Writes lines, coloured where the stream is a terminal and NO_COLOR is unset (no-color.org).

    A stream with a file descriptor is written to by a thread of its own (`Output`): a terminal that is slow, stopped or
    closed holds nobody up. Lines that it does not take are dropped and counted.

    Args:
        stream: Standard output, unless given.
        verbose: Whether Lambda's START, END and REPORT lines, and calls of @connections, are shown.
        quiet: Whether nothing is.
    """

    def __init__(self, *, stream: TextIO | None = None, verbose: bool = False, quiet: bool = False) -> None:
        # A process that was started with its standard output closed has none.
        found: TextIO | None = stream or sys.stdout
        self._stream = found
        self.verbose = verbose
        self._quiet = quiet or found is None
        self._coloured = not os.environ.get("NO_COLOR") and found is not None and found.isatty()
        self._output = _output_of(found) if found is not None and not quiet else None

    def close(self) -> None:
        """Waits a moment for what is still to be written."""
        if self._output is not None:
            self._output.drain(within=_DRAIN_SECONDS)

    def access(self, method: str, path: str, status: int, *, seconds: float, outcome: Outcome | None) -> None:
        """A request and its answer: the whole time, the function's share, and its start if it had one."""
        words = [
            self._paint(time.strftime("%H:%M:%S"), _DIM),
            self._paint(f"{method:<6}", _BOLD),
            _CONTROL.sub("?", path),
            self._paint(str(status), _BY_CLASS.get(status // 100, _RED)),
            _duration(seconds),
        ]
        if outcome is not None:
            words.append(self._paint(f"({_duration(outcome.seconds)} in the function)", _DIM))
            if outcome.init_seconds is not None:
                words.append(self._paint(f"cold start {_duration(outcome.init_seconds)}", _MAGENTA))
        self._write(" ".join(words))

    def function_line(self, function: str, request_id: str, line: str) -> None:
        """A line that a function wrote."""
        self.function_lines(function, request_id, line)

    def function_lines(self, function: str, request_id: str, text: str) -> None:
        """Lines that a function wrote, as many as there are; empty ones are left out."""
        if self._quiet:
            return
        lines = _LINE_ENDS.sub("\n", text).strip("\n")
        if lines:
            origin = self._paint(f"{function} {request_id[:8] or 'init':<8} |", _BLUE)
            # One replacement rather than a step for each line: there may be tens of thousands.
            self._write(f"{origin} " + lines.replace("\n", f"\n{origin} "))

    def platform_line(self, function: str, request_id: str, line: str) -> None:
        """A line that Lambda would add to a function's."""
        if self.verbose:
            self.function_line(function, request_id, line)

    def say(self, line: str) -> None:
        """A line of the stack's own."""
        self._write(self._paint(line, _CYAN))

    def complain(self, line: str) -> None:
        """A line about something wrong that the stack lives on with; what clients sent may stand in it."""
        self._write(self._paint(_CONTROL.sub("?", line), _RED))

    def _write(self, line: str) -> None:
        if self._output is not None:
            self._output.write(line + "\n")
        elif self._stream is not None and not self._quiet:
            self._stream.write(line + "\n")
            self._stream.flush()

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_RESET}" if self._coloured else text


def _output_of(stream: TextIO) -> Output | None:
    """What writes to the file behind a stream; None if there is no file, as in memory."""
    try:
        descriptor = stream.fileno()
    except (UnsupportedOperation, AttributeError):
        return None
    return Output(descriptor, encoding=stream.encoding or "utf-8")


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= _SLOW_SECONDS else f"{seconds * 1000:.1f} ms"
