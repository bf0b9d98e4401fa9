"""What an instance does now and then: the sweep, pings, and measuring how far dispatch is behind."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from eventstore.errors import EventstoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

__all__ = ["ScheduledWork"]

_LOGGER = logging.getLogger(__name__)


class ScheduledWork:
    """Repeats work. What fails is logged, and is done again at its time.

    Args:
        threads: Do what blocks. Not those of `asyncio.to_thread`, which the end of the process would wait for.
    """

    def __init__(self, threads: Executor) -> None:
        self._threads = threads
        self._tasks: list[asyncio.Task[None]] = []

    def every(self, seconds: float, name: str, work: Callable[[], object], *, blocks: bool = True) -> None:
        """Do something every so many seconds, for the first time after as many.

        Args:
            seconds: The time between the end of the work and its next begin.
            name: What the log calls it.
            work: The work.
            blocks: Whether it is done in a thread, or else by the event loop.
        """
        repeated = self._repeat(seconds, name, work, blocks=blocks)
        self._tasks.append(asyncio.get_running_loop().create_task(repeated, name=name))

    def stop(self) -> None:
        """Begin no more work."""
        for task in self._tasks:
            task.cancel()

    async def _repeat(self, seconds: float, name: str, work: Callable[[], object], *, blocks: bool) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                if blocks:
                    await asyncio.get_running_loop().run_in_executor(self._threads, work)
                else:
                    work()
            except EventstoreError as error:
                _LOGGER.warning("%s: %s: %s", name, error.code, error.detail)
            except Exception:
                _LOGGER.exception("%s failed", name)
