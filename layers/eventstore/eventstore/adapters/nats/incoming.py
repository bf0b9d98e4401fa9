"""What a connection receives, line by line and content by content."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

__all__ = ["Incoming"]

_BUFFER_BYTES = 256 * 1024


class Incoming:
    """Reads from a socket into one buffer, from which what is taken is copied once.

    Args:
        source: The socket.
    """

    def __init__(self, source: socket.socket) -> None:
        self._socket = source
        self._buffer = bytearray(_BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        # What was received and is not taken yet lies between both.
        self._start = self._end = 0

    def line(self) -> bytes:
        """Take the next line, without its end."""
        while (end := self._buffer.find(b"\r\n", self._start, self._end)) < 0:
            self._receive(self._end - self._start + 1)
        line = bytes(self._view[self._start : end])
        self._start = end + 2
        return line

    def content(self, size: int) -> bytes:
        """Take so many bytes, and the end of a line behind them."""
        self._await(size + 2)
        end = self._start + size
        content = bytes(self._view[self._start : end])
        self._start = end + 2
        return content

    def head_and_content(self, head: int, size: int) -> tuple[bytes, bytes]:
        """Take so many bytes, of which the first ones are a head, and the end of a line behind them."""
        self._await(size + 2)
        middle, end = self._start + head, self._start + size
        parts = bytes(self._view[self._start : middle]), bytes(self._view[middle:end])
        self._start = end + 2
        return parts

    def _await(self, size: int) -> None:
        while self._end - self._start < size:
            self._receive(size)

    def _receive(self, size: int) -> None:
        """Receive what is there: at least a byte, and at most as much as a small buffer has room for.

        Args:
            size: How many bytes the buffer must have room for, with those that are not taken yet.

        Raises:
            ConnectionResetError: The server closed the connection.
        """
        left = self._end - self._start
        if self._start + size > len(self._buffer) or not left:
            self._move(max(size, _BUFFER_BYTES))
        received = self._socket.recv_into(self._view[self._end : self._end + _BUFFER_BYTES])
        if not received:
            raise ConnectionResetError("the server closed the connection")
        self._end += received

    def _move(self, size: int) -> None:
        """Move what is not taken yet to the beginning of the buffer, which gets a size if its own is another one."""
        left = bytes(self._view[self._start : self._end])
        if len(self._buffer) != size:
            self._buffer = bytearray(size)
            self._view = memoryview(self._buffer)
        self._start, self._end = 0, len(left)
        self._view[: self._end] = left
