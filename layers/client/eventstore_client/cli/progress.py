"""The progress of a load or an export: a bar on a terminal, otherwise a line every few seconds."""

from __future__ import annotations

import threading
import time
from shutil import get_terminal_size
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Progress"]

_BAR_WIDTH = 30

_REDRAW = 0.1
"""Seconds between two updates of the bar."""

_LINE = 5.0
"""Seconds between two lines where there is no terminal."""


class Progress:
    """Shows the progress of a load or an export. Threads may share it.

    Args:
        total: The number of events to load; None if it is not known.
        out: The stream to write to.
        clock: Returns monotonic time in seconds.
    """

    def __init__(self, total: int | None, *, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._out = out
        self._clock = clock
        self._terminal = out.isatty()
        self._lock = threading.Lock()
        self._done = 0
        self._started = clock()
        self._shown = self._started if not self._terminal else self._started - _REDRAW

    def advance(self, count: int) -> None:
        """Add a number of events that are done."""
        with self._lock:
            self._done += count
            now = self._clock()
            if now - self._shown >= (_REDRAW if self._terminal else _LINE):
                self._shown = now
                self._show(now)

    def close(self) -> None:
        """Draw the bar a last time, and end its line."""
        with self._lock:
            if self._terminal:
                self._show(self._clock())
                self._out.write("\n")
                self._out.flush()

    def _bar(self) -> str:
        if self._total is None:
            return ""
        filled = _BAR_WIDTH * self._done // self._total if self._total else _BAR_WIDTH
        return f"{'█' * filled}{'░' * (_BAR_WIDTH - filled)} "

    def _show(self, now: float) -> None:
        rate = self._done / (now - self._started) if now > self._started else 0.0
        done = f"{self._done:,}" if self._total is None else f"{self._done:,}/{self._total:,}"
        text = f"{done} events  {rate:,.0f}/s"
        if self._terminal:
            line = f"{self._bar()}{text}"
            # The rest of the line is erased: the previous text may have been longer.
            self._out.write(f"\r{line[: get_terminal_size().columns - 1]}\x1b[K")
        else:
            self._out.write(f"{text}\n")
        self._out.flush()
