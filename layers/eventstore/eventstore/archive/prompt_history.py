"""Reading the archive for turns, which serve many subscribers and must not wait long for what one of them reads."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from eventstore.errors import ArchiveMismatch, ArchiveUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.ports.history import History
    from eventstore.streams import StreamName

__all__ = ["PromptHistory"]

_LOGGER = logging.getLogger(__name__)


class PromptHistory:
    """See `ports.history.History`. A read that takes longer than some time fails, and goes on behind the caller.

    Whoever asks again for the same gets its result: a turn whose subscription waited asks for the same. A read that
    fails earlier takes as long, so whoever tries again at once does not ask the archive ever more.

    Args:
        history: Reads the archive.
        seconds: How long a call takes at most.
        at_once: How many partitions are read at once.
    """

    def __init__(self, history: History, *, seconds: float = 0.25, at_once: int = 4) -> None:
        self._history = history
        self._seconds = seconds
        self._lock = Lock()
        self._readers = ThreadPoolExecutor(at_once, thread_name_prefix="archive")
        self._reads: dict[int, _Read] = {}

    def bodies(
        self, partition: int, wanted: Mapping[StreamName, Mapping[int, int]]
    ) -> Mapping[StreamName, Mapping[int, bytes]]:
        """See `History.bodies`; an archive of another store does not answer, either."""
        deadline = time.monotonic() + self._seconds
        while True:
            with self._lock:
                read = self._reads.get(partition)
                if read is None:
                    read = _Read(wanted, self._readers.submit(self._history.bodies, partition, wanted))
                    self._reads[partition] = read
            try:
                found = read.result.result(max(0, deadline - time.monotonic()))
            except TimeoutError:
                raise ArchiveUnavailable("the archive is still being read; the next turn looks again") from None
            except (ArchiveUnavailable, ArchiveMismatch) as error:
                self._ended(partition, read)
                _LOGGER.warning("subscriptions of partition %d wait for the archive: %s", partition, error.detail)
                time.sleep(max(0, deadline - time.monotonic()))
                raise ArchiveUnavailable(error.detail) from error
            except BaseException:
                self._ended(partition, read)
                raise
            self._ended(partition, read)
            if read.wanted == wanted:
                return found

    def _ended(self, partition: int, read: _Read) -> None:
        with self._lock:
            if self._reads.get(partition) is read:
                del self._reads[partition]


class _Read(NamedTuple):
    """A read that was begun: what is wanted, and what comes of it."""

    wanted: Mapping[StreamName, Mapping[int, int]]
    result: Future[Mapping[StreamName, Mapping[int, bytes]]]
