"""Queues that delay and repeat messages, as SQS may do, but keep the order of each group."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from eventstore_dev.queues.broker import Broker, Received

__all__ = ["UnreliableBroker"]


class UnreliableBroker:
    """Wraps a broker.

    Args:
        random: Draws what becomes of each receipt and each deletion.
        delayed: The share of receipts that are late, by up to `longest` seconds.
        repeated: The share of messages that come again after they were handled.
    """

    def __init__(
        self, inner: Broker, *, random: Random, delayed: float = 0.05, longest: float = 0.3, repeated: float = 0.05
    ) -> None:
        self._inner = inner
        self._random = random
        self._delayed = delayed
        self._longest = longest
        self._repeated = repeated
        self.delays = 0
        self.repeats = 0

    async def receive(self, queue: str, *, most: int, wait: float) -> Sequence[Received]:
        messages = await self._inner.receive(queue, most=most, wait=wait)
        if messages and self._random.random() < self._delayed:
            self.delays += 1
            await asyncio.sleep(self._random.uniform(0, self._longest))
        return messages

    async def delete(self, queue: str, handles: Sequence[str]) -> Sequence[str]:
        again = [handle for handle in handles if self._random.random() < self._repeated]
        self.repeats += len(again)
        done = [handle for handle in handles if handle not in again]
        stayed = await self._inner.delete(queue, done) if done else ()
        if again:
            await self._inner.postpone(queue, again, seconds=0)
        return stayed

    async def postpone(self, queue: str, handles: Sequence[str], *, seconds: float) -> None:
        await self._inner.postpone(queue, handles, seconds=seconds)
