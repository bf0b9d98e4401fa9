"""Wakeups by a queue, none of which fails the write that it follows."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eventstore.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from eventstore.groups import Member
    from eventstore.ports import Bells

__all__ = ["QueueWakeups"]

_LOGGER = logging.getLogger(__name__)


class QueueWakeups:
    """See `ports.Wakeups`.

    Args:
        queue: Gives the queue, when it is first needed, or None where nothing is delivered live.
    """

    def __init__(self, queue: Callable[[], Bells | None]) -> None:
        self._queue = queue

    def notify(self, partitions: Collection[int]) -> None:
        """See `Wakeups.notify`."""
        queue = self._queue() if partitions else None
        if queue is not None:
            with _logged():
                queue.ring(partitions)

    def subscription_deleted(self, name: str, members: Collection[Member]) -> None:
        """See `Wakeups.subscription_deleted`."""
        queue = self._queue() if members else None
        if queue is not None:
            with _logged():
                queue.ended(name, members)


@contextmanager
def _logged() -> Iterator[None]:
    try:
        yield
    except Unavailable as error:
        # What was to be told of is stored, and the sweep finds it.
        _LOGGER.warning("%s: %s", error.code, error.detail)
