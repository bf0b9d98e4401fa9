"""One deadline for all of a call, however slowly the other side receives and sends."""

from __future__ import annotations

import io
import time
from http.client import HTTPException
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from typing import Self

__all__ = ["Deadline", "TimedStream"]

_MAX_ANSWER = 64 * 1024
"""The most bytes of an answer that are received, its headers included."""


class Deadline:
    """A point in time that a call must not pass.

    Args:
        seconds: The time until then.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds that are left; raise `TimeoutError` if there are none."""
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("timed out")
        return seconds

    def at_most(self, seconds: float) -> Self:
        """Return this deadline, or an earlier one in so many seconds."""
        return type(self)(min(seconds, self._end - time.monotonic()))


class TimedStream:
    """One request and its answer on a connected socket, which stays open.

    `http.client` reads answers from it, as from a socket.

    Args:
        sock: The socket.
        deadline: When sending and receiving end; it may be brought forward meanwhile.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._reader = _AnswerReader(_TimedReader(self, _MAX_ANSWER))
        self.deadline = deadline

    @property
    def received(self) -> bool:
        """Whether a part of the answer was received."""
        return self._reader.source.count > 0

    @property
    def has_surplus(self) -> bool:
        """Whether more than the answer was received; known when the answer was read."""
        return self._reader.surplus

    def sendall(self, content: bytes) -> None:
        """Send all of a content; raise `TimeoutError` if the deadline passes."""
        rest = memoryview(content)
        while rest:
            self._sock.settimeout(self.deadline.remaining())
            rest = rest[self._sock.send(rest) :]

    def receive_into(self, buffer: memoryview) -> int:
        """Receive what is there, waiting for it until the deadline; return the number of bytes, 0 at the end."""
        self._sock.settimeout(self.deadline.remaining())
        return self._sock.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return the reader of the answer."""
        return self._reader


class _TimedReader(io.RawIOBase):
    def __init__(self, stream: TimedStream, limit: int) -> None:
        self.count = 0
        self.ended = False
        self._stream = stream
        self._limit = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # BufferedReader passes nothing else
        if self.ended:
            return 0
        if self.count >= self._limit:
            raise HTTPException(f"the answer has more than {self._limit} bytes")
        received = self._stream.receive_into(buffer)
        self.count += received
        return received


class _AnswerReader(io.BufferedReader):
    """Notices, when it is closed, what was received beyond the answer: the next call would take it for its own."""

    def __init__(self, source: _TimedReader) -> None:
        super().__init__(source)
        self.source = source
        self.surplus = False

    def close(self) -> None:
        if not self.closed:
            self.source.ended = True
            self.surplus = bool(self.peek(1))
        super().close()
