from __future__ import annotations

import threading
import time
from shutil import get_terminal_size
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Progress"]

_BAR = 30
_REDRAW = 0.1
_LINE = 5.0


class Progress:
    """Says how far a load is: a bar on a terminal, now and then a line elsewhere. Threads may share it."""

    def __init__(self, total: int, *, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._out = out
        self._clock = clock
        self._terminal = out.isatty()
        self._lock = threading.Lock()
        self._done = 0
        self._started = clock()
        self._shown = self._started if not self._terminal else self._started - _REDRAW

    def advance(self, count: int) -> None:
        """So many more events are confirmed."""
        with self._lock:
            self._done += count
            now = self._clock()
            if now - self._shown >= (_REDRAW if self._terminal else _LINE):
                self._shown = now
                self._show(now)

    def close(self) -> None:
        """Draw the bar a last time, and leave its line."""
        with self._lock:
            if self._terminal:
                self._show(self._clock())
                self._out.write("\n")
                self._out.flush()

    def _show(self, now: float) -> None:
        rate = self._done / (now - self._started) if now > self._started else 0.0
        text = f"{self._done:,}/{self._total:,} events  {rate:,.0f}/s"
        if self._terminal:
            filled = _BAR * self._done // self._total if self._total else _BAR
            line = f"{'█' * filled}{'░' * (_BAR - filled)} {text}"
            # Erased to the line's end: the text before it may have been longer.
            self._out.write(f"\r{line[: get_terminal_size().columns - 1]}\x1b[K")
        else:
            self._out.write(f"{text}\n")
        self._out.flush()
