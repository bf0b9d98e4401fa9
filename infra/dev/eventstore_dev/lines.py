"""Text lines out of the chunks of a pipe, and how many of them a process may write in a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LONGEST_LINE", "Allowance", "LineSplitter", "cost_of"]

# A chunk must not be longer: then no line that begins and ends in one chunk is too long.
LONGEST_LINE = 64 * 1024
# What handling a line costs beside its bytes, in bytes that cost as much to move.
_LINE_COST = 64
# Bytes that are cut are read and counted, and nothing else.
_CUT_SHARE = 1 / 16


class LineSplitter:
    """Puts lines together that come in pieces, and cuts those that are too long."""

    def __init__(self, *, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._begun = bytearray()
        self._cut = 0

    @property
    def is_cutting(self) -> bool:
        """Whether what comes next, up to the end of the line, is thrown away."""
        return self._cut > 0

    def feed(self, chunk: bytes) -> bytes:
        """Takes a chunk of at most `longest` bytes; returns the lines that it completes, each with its line feed."""
        first = chunk.find(b"\n")
        if first < 0:
            self._begin(chunk)
            return b""
        last = chunk.rfind(b"\n")
        self._begin(chunk[:first])
        whole = self.finish() + b"\n" + chunk[first + 1 : last + 1]
        self._begin(chunk[last + 1 :])
        return whole

    def finish(self) -> bytes:
        """Takes out the line that has begun, without a line feed; a cut one says how much is missing."""
        line = bytes(self._begun)
        if self._cut:
            line += f" … ({self._cut:,} more bytes of this line are cut)".encode()
        self._begun.clear()
        self._cut = 0
        return line

    def _begin(self, part: bytes) -> None:
        room = self._longest - len(self._begun)
        self._begun += part[:room]
        self._cut += max(len(part) - room, 0)


def cost_of(read: int, lines: bytes, *, cutting: bool) -> float:
    """What a chunk costs of an allowance.

    Args:
        read: The bytes of the chunk.
        lines: The lines that it completed.
        cutting: Whether it belongs to a line that is being cut.
    """
    if not lines and cutting:
        return read * _CUT_SHARE
    return read + _LINE_COST * lines.count(b"\n")


class Allowance:
    """A token bucket: so much at once, and so much a second after that.

    Args:
        burst: How much may be spent at once.
        rate: How much comes back in a second.
        clock: Gives the seconds since some moment.
    """

    def __init__(self, *, burst: float, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._rate = rate
        self._clock = clock
        self._left = burst
        self._at = clock()

    def spend(self, cost: float) -> float:
        """Takes a cost, as a debt if need be; returns the seconds until nothing is owed."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - cost
        self._at = now
        return max(-self._left / self._rate, 0.0)
