"""`ports.connections`, in memory."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from eventstore.ports.connections import Gone, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FakeConnections", "gone", "unreachable"]


class FakeConnections:
    """Takes every message, unless a connection was given failures to answer with first."""

    def __init__(self) -> None:
        self.posted: dict[str, list[str]] = {}
        self.closed: list[str] = []
        self.tries: list[str] = []
        self.refusals: deque[Exception] = deque()
        """What `close` answers with first."""
        self._failures: dict[str, deque[Exception]] = {}
        self._lock = threading.Lock()

    def fail(self, connection: str, failures: Iterable[Exception]) -> None:
        self._failures[connection] = deque(failures)

    def post(self, connection: str, message: bytes) -> None:
        with self._lock:
            self.tries.append(connection)
            waiting = self._failures.get(connection)
            if waiting:
                raise waiting.popleft()
            self.posted.setdefault(connection, []).append(message.decode())

    def close(self, connection: str) -> None:
        if self.refusals:
            raise self.refusals.popleft()
        self.closed.append(connection)


def gone(times: int) -> list[Exception]:
    return [Gone("gone")] * times


def unreachable(times: int) -> list[Exception]:
    return [Unreachable("busy")] * times
