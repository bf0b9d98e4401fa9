"""What the developer sees: one line a request, one a log line, little else."""

from __future__ import annotations

import os
import re
import sys
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from eventstore_dev.invocation import Outcome

_RESET, _BOLD, _DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
_RED, _GREEN, _YELLOW, _BLUE, _MAGENTA, _CYAN = (f"\x1b[{code}m" for code in range(31, 37))
# HTTP statuses, and the close codes of WebSocket connections.
_BY_CLASS = {1: _CYAN, 2: _GREEN, 3: _CYAN, 4: _YELLOW, 5: _RED, 10: _CYAN}
# A path is the client's: it is not to move the cursor, nor to begin another line.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SLOW_SECONDS = 1.0


class Terminal:
    """Writes lines, coloured where the stream is a terminal and NO_COLOR is unset (no-color.org).

    Args:
        stream: Standard output, unless given.
        verbose: Whether Lambda's START, END and REPORT lines, and calls of @connections, are shown.
        quiet: Whether nothing is.
    """

    def __init__(self, *, stream: TextIO | None = None, verbose: bool = False, quiet: bool = False) -> None:
        self._stream = stream or sys.stdout
        self.verbose = verbose
        self._quiet = quiet
        self._coloured = not os.environ.get("NO_COLOR") and self._stream.isatty()

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
        origin = f"{function} {request_id[:8] or 'init':<8} |"
        self._write(f"{self._paint(origin, _BLUE)} {line}")

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
        if not self._quiet:
            self._stream.write(line + "\n")
            self._stream.flush()

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_RESET}" if self._coloured else text


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= _SLOW_SECONDS else f"{seconds * 1000:.1f} ms"
