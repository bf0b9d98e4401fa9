"""Producers and consumers that are lent."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

from confluent_kafka import Consumer, Producer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Pool"]

ClientT = TypeVar("ClientT", Producer, Consumer)


class Pool(Generic[ClientT]):
    """Clients that are used by one thread at a time; as many are kept as were once used at the same time.

    Args:
        make: Makes a client.
    """

    def __init__(self, make: Callable[[], ClientT]) -> None:
        self._make: Callable[[], ClientT] = make
        self._idle: list[ClientT] = []
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[ClientT]:
        """Lend a client; one with which a call failed is closed."""
        with self._lock:
            client = self._idle.pop() if self._idle else None
        if client is None:
            client = self._make()
        try:
            yield client
        except BaseException:
            client.close()
            raise
        with self._lock:
            self._idle.append(client)

    def prepare(self) -> None:
        """Make a client before one is needed."""
        client = self._make()
        with self._lock:
            self._idle.append(client)

    def close(self) -> None:
        """Close the clients that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for client in idle:
            client.close()
