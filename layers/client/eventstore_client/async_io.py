"""How the asynchronous face does what blocks: in threads of the store, beside the event loop (decision 073)."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from eventstore_client.credentials import Cached

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AsyncIo", "is_set_within"]

Result = TypeVar("Result")


async def is_set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait until an event is set, and return whether it was within some seconds."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


class AsyncIo:
    """Runs actions that block in threads, for any event loop. A forked process starts threads of its own.

    Args:
        threads: The greatest number of threads, and so of actions at once; further ones wait.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool: Cached[ThreadPoolExecutor] = Cached()

    async def run(self, action: Callable[[], Result]) -> Result:
        """Run an action in a thread. It goes on there if the caller is cancelled, and its result is dropped."""
        pool = self._pool.get(self._open)
        return await asyncio.get_running_loop().run_in_executor(pool, partial(copy_context().run, action))

    async def sleep(self, seconds: float) -> None:
        """Wait in the event loop."""
        await asyncio.sleep(seconds)

    def close(self) -> None:
        """End the threads when their actions are complete. A later action starts threads again."""
        pool, self._pool = self._pool.get(self._open), Cached()
        pool.shutdown(wait=False)

    def _open(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads, thread_name_prefix="eventstore")
