"""What a member says to the hub, in order, and what of it is not answered yet."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from eventstore_client.messages import about

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Requests"]

_PAUSE = 1.0
"""Seconds until a request is sent again that the hub could not take for now."""


@dataclass(slots=True)
class _Request:
    """A request that is not answered yet.

    Attributes:
        partition: Which partition it is about; None if it is about several, and nothing waits for it.
        again_at: When it is due to be sent again; infinite while it is under way.
    """

    action: str
    partition: int | None
    message: Mapping[str, Any]
    again_at: float = inf


class Requests:
    """Requests of one connection. The caller's lock guards all but `flush`.

    Args:
        send: Sends a message; it may block, and is never called while the caller holds its lock.
    """

    def __init__(self, send: Callable[[Mapping[str, Any]], None]) -> None:
        self._send = send
        self._queue: deque[Mapping[str, Any]] = deque()
        self._open: dict[str, _Request] = {}
        self._count = 0
        self._sending = threading.Lock()

    def post(self, message: Mapping[str, Any]) -> None:
        """Put a message in line that is not waited for."""
        self._queue.append(message)

    def add(self, action: str, partition: int | None, /, **members: object) -> None:
        """Put a request in line that is about a partition, or about several."""
        self._count += 1
        number = str(self._count)
        message = about(action, request=number, **members)
        self._open[number] = _Request(action, partition, message)
        self._queue.append(message)

    def answered(self, number: str) -> None:
        """The hub has it."""
        self._open.pop(number, None)

    def postponed(self, number: object, now: float) -> bool:
        """Whether it is a request of these, which is sent again then: the hub cannot take it for now."""
        request = self._open.get(str(number))
        if request is None:
            return False
        request.again_at = now + _PAUSE
        return True

    def repeat(self, now: float) -> float:
        """Put in line what is due to be sent again; when the next is due."""
        for request in self._open.values():
            if request.again_at <= now:
                request.again_at = inf
                self._queue.append(request.message)
        return min((request.again_at for request in self._open.values()), default=inf)

    def waits(self, partition: int, *, action: str | None = None) -> bool:
        """Whether a request about the partition is not answered yet."""
        return any(
            request.partition == partition and action in {None, request.action} for request in self._open.values()
        )

    def __bool__(self) -> bool:
        """Whether any is not answered yet."""
        return bool(self._open)

    def flush(self) -> None:
        """Send what is in line, unless another thread is at it: that one sends this, too.

        Raises:
            ConnectFailed: The connection broke.
        """
        # Looked at again after each round: what was put in line while the lock was held is nobody else's.
        while self._queue and self._sending.acquire(blocking=False):
            try:
                while self._queue:
                    self._send(self._queue.popleft())
            finally:
                self._sending.release()
