"""Text on its way to a file descriptor that may be slow, stuck or closed."""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque

__all__ = ["Output"]

_ROOM = 1024 * 1024


class Output:
    """Writes in a thread of its own, so that nobody else waits for the terminal, a pipe or a disk.

    What the descriptor does not take is kept up to a limit; what comes on top of that is dropped, and counted in a line
    that is written as soon as there is room again. After an error, such as a pipe that nobody reads any more, all is
    dropped.

    Args:
        descriptor: Where to write; it stays open.
        encoding: Of the text.
        room: How many characters may wait.
    """

    def __init__(self, descriptor: int, *, encoding: str = "utf-8", room: int = _ROOM) -> None:
        self._descriptor = descriptor
        self._encoding = encoding
        self._room = room
        self._waiting: deque[str] = deque()
        self._size = 0
        self._dropped = 0
        self._broken = False
        self._idle = True
        self._changed = threading.Condition()
        # The interpreter does not wait for it: it may be stuck in a write for ever.
        self._thread = threading.Thread(target=self._run, name="eventstore-dev-output", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Takes whole lines, and returns at once."""
        with self._changed:
            if self._broken:
                return
            if self._dropped or self._size + len(text) > self._room:
                self._dropped += text.count("\n")
                return
            self._waiting.append(text)
            self._size += len(text)
            self._changed.notify_all()

    def drain(self, *, within: float) -> bool:
        """Waits until all is written, or for so many seconds; returns whether it is."""
        deadline = time.monotonic() + within
        with self._changed:
            while not (self._broken or (self._idle and not (self._waiting or self._dropped))):
                if not self._changed.wait(deadline - time.monotonic()):
                    return False
        return True

    def _run(self) -> None:
        try:
            while True:
                self._write(self._next().encode(self._encoding, errors="replace"))
        except OSError:
            with self._changed:
                self._broken = True
                self._waiting.clear()
                self._changed.notify_all()

    def _next(self) -> str:
        with self._changed:
            self._idle = True
            self._changed.notify_all()
            while not (self._waiting or self._dropped):
                self._changed.wait()
            self._idle = False
            text = "".join(self._waiting)
            self._waiting.clear()
            self._size = 0
            if self._dropped:
                text += f"({self._dropped:,} lines are not shown: this output is slower than what is written)\n"
                self._dropped = 0
            return text

    def _write(self, content: bytes) -> None:
        while content:
            try:
                content = content[os.write(self._descriptor, content) :]
            except BlockingIOError:
                # Whoever shares a terminal may have made it non-blocking.
                select.select([], [self._descriptor], [])
