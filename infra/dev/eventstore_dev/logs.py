"""What a function's process writes, line by line, each with the request that it belongs to."""

from __future__ import annotations

import asyncio
import math
import os
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eventstore_dev.template import Function
    from eventstore_dev.terminal import Terminal

_CHUNK = 64 * 1024
# Invoke returns "the last 4 KB of the execution log" (Lambda API Reference, Invoke).
TAIL = 4096


class LogPipe:
    """The read end of a process's standard output and error.

    Lambda attributes a line to the request during which it was written. The pipe is emptied as a request ends, since
    the process wrote its lines before it answered, though the event loop may see the answer first.
    """

    def __init__(self, function: Function, terminal: Terminal) -> None:
        self._function = function
        self._terminal = terminal
        self._request_id = ""
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._rest = b""
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        asyncio.get_running_loop().add_reader(self._reader, self._read)

    def started(self) -> None:
        """The process has its end; ours of the same kind is closed, so that the pipe can end."""
        os.close(self.writer)
        self.writer = -1

    def begin(self, request_id: str) -> None:
        """What comes from now on belongs to the request."""
        self._request_id = request_id
        self._tail.clear()
        self._tail_size = 0
        self._platform(f"START RequestId: {request_id} Version: $LATEST")

    def end(self, seconds: float, init_seconds: float | None) -> bytes:
        """Takes in what is there, reports, and returns the last of what the request logged."""
        self._read()
        milliseconds = seconds * 1000
        report = (
            f"REPORT RequestId: {self._request_id}\tDuration: {milliseconds:.2f} ms\t"
            f"Billed Duration: {math.ceil(milliseconds)} ms\tMemory Size: {self._function.memory} MB"
        )
        if init_seconds is not None:
            report += f"\tInit Duration: {init_seconds * 1000:.2f} ms"
        self._platform(f"END RequestId: {self._request_id}")
        self._platform(report)
        return b"".join(self._tail)[-TAIL:]

    def note(self, line: str) -> None:
        """Adds a line of Lambda's own that everyone should see."""
        self._keep(line.encode() + b"\n")
        self._terminal.function_line(self._function.name, self._request_id, line)

    def close(self) -> None:
        """Takes in what is left; no process is started any more."""
        if self.writer >= 0:
            self.started()
        if self._reader < 0:
            return
        self._read()
        if self._reader >= 0:
            self._close()

    def _read(self) -> None:
        while self._reader >= 0:
            try:
                chunk = os.read(self._reader, _CHUNK)
            except BlockingIOError:
                return
            if not chunk:
                self._close()
                return
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            for line in lines:
                self._take(line)

    def _close(self) -> None:
        if self._rest:
            self._take(self._rest)
            self._rest = b""
        asyncio.get_running_loop().remove_reader(self._reader)
        os.close(self._reader)
        self._reader = -1

    def _take(self, line: bytes) -> None:
        self._keep(line + b"\n")
        # The runtime client joins the lines of a traceback by carriage returns, to keep them one record.
        for part in line.decode(errors="replace").split("\r"):
            if part:
                self._terminal.function_line(self._function.name, self._request_id, part)

    def _platform(self, line: str) -> None:
        self._keep(line.encode() + b"\n")
        self._terminal.platform_line(self._function.name, self._request_id, line)

    def _keep(self, line: bytes) -> None:
        self._tail.append(line)
        self._tail_size += len(line)
        while self._tail_size - len(self._tail[0]) >= TAIL:
            self._tail_size -= len(self._tail.popleft())
