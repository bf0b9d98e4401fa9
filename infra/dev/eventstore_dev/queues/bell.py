"""Waking the consumers of a queue, now or at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Bell:
    """Wakes those who wait, when it is told to and when its time has come.

    Args:
        ring: Called at that time, before anybody is woken.
    """

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._waiters: set[asyncio.Future[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None

    async def wait(self, deadline: float) -> bool:
        """Returns when it rings, or says no at a time of the event loop."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            async with asyncio.timeout_at(deadline):
                await waiter
        except TimeoutError:
            return False
        finally:
            self._waiters.discard(waiter)
        return True

    def wake(self) -> None:
        """Wakes all: whoever comes first gets what there is, and the others wait again."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def ring_after(self, seconds: float) -> None:
        """Rings then, or before, if it is to ring before anyway."""
        loop = asyncio.get_running_loop()
        at = loop.time() + max(seconds, 0)
        if self._alarm is None or at < self._alarm.when():
            self.stop()
            self._alarm = loop.call_at(at, self._strike)

    def stop(self) -> None:
        """Rings at no time any more."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _strike(self) -> None:
        self._alarm = None
        self._ring()
