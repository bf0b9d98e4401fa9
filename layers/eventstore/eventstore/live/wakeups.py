"""Wake-ups through a queue. None of them fails the write that it follows."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eventstore.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from eventstore.groups import Member
    from eventstore.ports import DispatchQueue
    from eventstore.streams import DurableName

__all__ = ["QueueWakeups"]

_LOGGER = logging.getLogger(__name__)


class QueueWakeups:
    """Requests turns through a queue; see `ports.Wakeups`.

    Args:
        queue: Returns the queue when it is first needed, or None where nothing is delivered live.
    """

    def __init__(self, queue: Callable[[], DispatchQueue | None]) -> None:
        self._queue = queue

    def notify(self, partitions: Collection[int]) -> None:
        """See `Wakeups.notify`."""
        queue = self._queue() if partitions else None
        if queue is not None:
            with _unavailable_logged():
                queue.request_turns(partitions)

    def subscription_deleted(self, name: DurableName, members: Collection[Member]) -> None:
        """See `Wakeups.subscription_deleted`."""
        queue = self._queue() if members else None
        if queue is not None:
            with _unavailable_logged():
                queue.subscription_deleted(name, members)


@contextmanager
def _unavailable_logged() -> Iterator[None]:
    try:
        yield
    except Unavailable as error:
        # The write is stored, and the sweep requests the turn.
        _LOGGER.warning("%s: %s", error.code, error.detail)
