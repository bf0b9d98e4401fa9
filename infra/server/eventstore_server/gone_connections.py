"""Removing connections that events are sent to although nobody has them any more."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from eventstore.errors import EventstoreError
from eventstore_server.recent_connections import RecentConnections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Executor

    from eventstore.subscriptions import ConnectionId

__all__ = ["GoneConnections"]

_LOGGER = logging.getLogger(__name__)

_AGAIN_AFTER = 10.0
"""Seconds after which a connection that is still sent to is removed once more."""


class GoneConnections:
    """Removes connections, so that other members take over what they own.

    After the store was lost, or set back, groups have members whose connections ended since. Without this, what is
    sent to them is redelivered only after its deadlines, and parked after its attempts.

    Args:
        disconnect: Removes a connection.
        threads: Do that.
    """

    def __init__(self, disconnect: Callable[[ConnectionId], None], *, threads: Executor) -> None:
        self._disconnect = disconnect
        self._threads = threads
        self._lock = threading.Lock()
        self._removed = RecentConnections()

    def remove(self, connections: Iterable[ConnectionId]) -> None:
        """Remove connections soon, unless that has just been done. Any thread may call it."""
        now = time.monotonic()
        with self._lock:
            self._removed.forget(until=now - _AGAIN_AFTER)
            new = [connection for connection in dict.fromkeys(connections) if connection not in self._removed]
            for connection in new:
                self._removed.add(connection, now=now)
        # The threads take nothing more once the instance stops; others find the same then.
        with suppress(RuntimeError):
            for connection in new:
                self._threads.submit(self._remove, connection)

    def _remove(self, connection: ConnectionId) -> None:
        try:
            self._disconnect(connection)
        except EventstoreError as error:
            # It is sent to again.
            _LOGGER.warning("connection %s is gone, and not removed: %s: %s", connection, error.code, error.detail)
        except Exception:
            _LOGGER.exception("removing connection %s failed", connection)
