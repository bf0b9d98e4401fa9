"""What a function's process writes, line by line, each with the request that it belongs to."""

from __future__ import annotations

import array
import asyncio
import fcntl
import math
import os
import termios
from typing import TYPE_CHECKING

from eventstore_dev.lines import LONGEST_LINE, Allowance, LineSplitter, cost_of

if TYPE_CHECKING:
    from eventstore_dev.template import Function
    from eventstore_dev.terminal import Terminal

# One step of the event loop: some 2,000 of the shortest lines, which take it less than a millisecond.
_CHUNK = 4096
# No pipe of an unprivileged process holds more (Linux, /proc/sys/fs/pipe-max-size).
_LARGEST_PIPE = 1024 * 1024
# What a process may write before it has to wait, and how much a second then. Of lines of a hundred bytes these are some
# 25,000 at once and 6,000 a second.
_BURST, _RATE = 4 * 1024 * 1024, 1024 * 1024
# Invoke returns "the last 4 KB of the execution log" (Lambda API Reference, Invoke).
TAIL = 4096


class LogPipe:
    """The read end of a process's standard output and error.

    Lambda attributes a line to the request during which it was written. The pipe is emptied as a request ends, since
    the process wrote its lines before it answered, though the event loop may see the answer first.

    The event loop is everyone's: it reads one chunk at a time, and when a process has used its allowance it reads
    nothing of it for a while. The pipe fills, and the process waits in its write until there is room.
    """

    def __init__(self, function: Function, terminal: Terminal, *, allowance: Allowance | None = None) -> None:
        self._function = function
        self._terminal = terminal
        self._request_id = ""
        self._tail = bytearray()
        self._lines = LineSplitter()
        self._allowance = allowance or Allowance(burst=_BURST, rate=_RATE)
        self._pause: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._loop.add_reader(self._reader, self._read)

    def started(self) -> None:
        """The process has its end; ours of the same kind is closed, so that the pipe can end."""
        os.close(self.writer)
        self.writer = -1

    def begin(self, request_id: str) -> None:
        """What comes from now on belongs to the request."""
        self._request_id = request_id
        self._tail.clear()
        self._platform(f"START RequestId: {request_id} Version: $LATEST")

    def end(self, seconds: float, init_seconds: float | None) -> bytes:
        """Takes in what is there, reports, and returns the last of what the request logged."""
        self._read_what_is_there()
        milliseconds = seconds * 1000
        report = (
            f"REPORT RequestId: {self._request_id}\tDuration: {milliseconds:.2f} ms\t"
            f"Billed Duration: {math.ceil(milliseconds)} ms\tMemory Size: {self._function.memory} MB"
        )
        if init_seconds is not None:
            report += f"\tInit Duration: {init_seconds * 1000:.2f} ms"
        self._platform(f"END RequestId: {self._request_id}")
        self._platform(report)
        return bytes(self._tail)

    def note(self, line: str) -> None:
        """Adds a line of Lambda's own that everyone should see."""
        self._keep(line.encode() + b"\n")
        self._terminal.function_line(self._function.name, self._request_id, line)

    def close(self) -> None:
        """Takes in what is left; no process is started any more."""
        if self.writer >= 0:
            self.started()
        self._read_what_is_there()
        self._close()

    def _read(self) -> None:
        """Takes in one chunk; the loop calls it, and serves everybody else before it calls again."""
        # What is thrown away costs nothing but the reading.
        wait = self._take_in(LONGEST_LINE if self._lines.is_cutting else _CHUNK)
        if wait > 0 and self._reader >= 0:
            self._loop.remove_reader(self._reader)
            self._pause = self._loop.call_later(wait, self._resume)

    def _read_what_is_there(self) -> None:
        """Takes in what was written up to now. Of a child that writes on and on no more than the pipe holds."""
        left = min(self._waiting(), _LARGEST_PIPE)
        while left > 0 and self._reader >= 0:
            self._take_in(min(left, _CHUNK))
            left -= _CHUNK

    def _waiting(self) -> int:
        if self._reader < 0:
            return 0
        size = array.array("i", [0])
        fcntl.ioctl(self._reader, termios.FIONREAD, size)
        return size[0]

    def _resume(self) -> None:
        self._pause = None
        if self._reader >= 0:
            self._loop.add_reader(self._reader, self._read)

    def _take_in(self, most: int) -> float:
        """Reads so many bytes at most; returns for how many seconds nothing more is to be read."""
        try:
            chunk = os.read(self._reader, most)
        except BlockingIOError:
            return 0
        if not chunk:
            self._close()
            return 0
        lines = self._lines.feed(chunk)
        if lines:
            self._show(lines)
        return self._allowance.spend(cost_of(len(chunk), lines, cutting=self._lines.is_cutting))

    def _close(self) -> None:
        if self._reader < 0:
            return
        rest = self._lines.finish()
        if rest:
            self._show(rest + b"\n")
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._reader)
        os.close(self._reader)
        self._reader = -1

    def _show(self, lines: bytes) -> None:
        self._keep(lines)
        # The runtime client joins the lines of a traceback by carriage returns, to keep them one record.
        text = lines.decode(errors="replace").replace("\r", "\n")
        self._terminal.function_lines(self._function.name, self._request_id, text)

    def _platform(self, line: str) -> None:
        self._keep(line.encode() + b"\n")
        self._terminal.platform_line(self._function.name, self._request_id, line)

    def _keep(self, lines: bytes) -> None:
        self._tail += lines[-TAIL:]
        del self._tail[:-TAIL]
