"""Reading the archive for turns, which serve many subscribers and must not wait long for what one of them reads."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING

from eventstore.errors import ArchiveUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.ports.history import History
    from eventstore.streams import StreamName

__all__ = ["PromptHistory"]

_LOGGER = logging.getLogger(__name__)


class PromptHistory:
    """See `ports.history.History`. A read that takes longer than some time fails, and goes on behind the caller.

    The history keeps what it reads, so a later call finds it there. A read that fails earlier takes as long: whoever
    tries again at once does not ask the archive ever more.

    Args:
        history: Reads the archive, and keeps what it reads.
        seconds: How long a call takes at most.
        at_once: How many partitions are read at once.
    """

    def __init__(self, history: History, *, seconds: float = 0.25, at_once: int = 4) -> None:
        self._history = history
        self._seconds = seconds
        self._lock = Lock()
        self._readers = ThreadPoolExecutor(at_once, thread_name_prefix="archive")
        self._running: dict[int, Future[Mapping[StreamName, Mapping[int, bytes]]]] = {}

    def bodies(
        self, partition: int, wanted: Mapping[StreamName, Mapping[int, int]]
    ) -> Mapping[StreamName, Mapping[int, bytes]]:
        """See `History.bodies`."""
        deadline = time.monotonic() + self._seconds
        while True:
            with self._lock:
                running = self._running.get(partition)
                is_own = running is None
                if running is None:
                    running = self._running[partition] = self._readers.submit(self._history.bodies, partition, wanted)
            try:
                found = running.result(max(0, deadline - time.monotonic()))
            except TimeoutError:
                raise ArchiveUnavailable("the archive is still being read; the next turn looks again") from None
            except ArchiveUnavailable as error:
                self._ended(partition, running)
                _LOGGER.warning("subscriptions of partition %d wait for the archive: %s", partition, error.detail)
                time.sleep(max(0, deadline - time.monotonic()))
                raise
            except BaseException:
                self._ended(partition, running)
                raise
            self._ended(partition, running)
            if is_own:
                return found

    def _ended(self, partition: int, read: Future[Mapping[StreamName, Mapping[int, bytes]]]) -> None:
        with self._lock:
            if self._running.get(partition) is read:
                del self._running[partition]
