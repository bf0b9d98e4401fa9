"""Long polling: a read of a stream that has nothing new waits until something is stored, or its time is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.errors import StreamNotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.ports import Log, Slice
    from eventstore.streams import StreamName

__all__ = ["first_read"]


def first_read(log: Log, stream: StreamName, read: Callable[[], Slice], *, start: int, seconds: float) -> Slice:
    """Read a stream, and once more after a wait if the first read finds nothing at or behind `start`.

    Args:
        log: The log that holds the stream.
        stream: The name of the stream, which need not exist yet.
        read: Reads it.
        start: The first sequence that is wanted.
        seconds: The longest wait; 0 reads once.

    Raises:
        StreamNotFound, StreamGone: As `Log.read` says, of the last read.
    """
    if not seconds:
        return read()
    try:
        result = read()
    except StreamNotFound:
        log.wait(stream, after=0, seconds=seconds)
        return read()
    if result.reached is None and start > result.state.head:
        log.wait(stream, after=start - 1, seconds=seconds, since=result.state)
        return read()
    return result
