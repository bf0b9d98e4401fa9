"""The environments of one function: as many as it has invocations at once, kept warm for the next."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from eventstore_dev.environment import Environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore_dev.environment import Invocation, Outcome
    from eventstore_dev.template import Function

__all__ = ["Pool"]


class Pool:
    """Runs a function's invocations.

    An invocation takes the warmest idle environment, or a new one, or, at the limit, waits its turn.

    Args:
        limit: How many environments there may be (Lambda: reserved concurrency).
        idle_seconds: How long an environment may be idle before it is ended.
    """

    def __init__(
        self,
        function: Function,
        *,
        say: Callable[[str, str, str], None],
        limit: int = 16,
        idle_seconds: float = 300.0,
    ) -> None:
        self.function = function
        self._say = say
        self._turns = asyncio.Semaphore(limit)
        self._idle: list[Environment] = []
        self._all: set[Environment] = set()
        self._idle_seconds = idle_seconds
        self._generation = 0

    @property
    def pids(self) -> list[int]:
        """The processes there are."""
        return [environment.pid for environment in self._all]

    async def warm(self) -> None:
        """Make one environment ready before the first invocation, as provisioned concurrency does."""
        if not self._all:
            async with self._turns:
                self._idle.append(await self._started())

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run one invocation."""
        async with self._turns:
            generation = self._generation
            environment = await self._taken()
            try:
                outcome = await environment.invoke(invocation)
            except BaseException:
                await self._end(environment)
                raise
            if environment.alive and generation == self._generation:
                self._idle.append(environment)
            else:
                await self._end(environment)
        await self._reap()
        return outcome

    async def reload(self, function: Function) -> None:
        """Let every later invocation run in a new environment; those under way end in theirs."""
        self.function = function
        self._generation += 1
        while self._idle:
            await self._end(self._idle.pop())

    async def stop(self) -> None:
        """End every environment."""
        self._idle.clear()
        await asyncio.gather(*(self._end(environment) for environment in list(self._all)))

    async def _taken(self) -> Environment:
        while self._idle:
            environment = self._idle.pop()
            if environment.alive:
                return environment
            await self._end(environment)
        return await self._started()

    async def _started(self) -> Environment:
        environment = Environment(self.function, say=self._say)
        self._all.add(environment)
        await environment.start()
        return environment

    async def _end(self, environment: Environment) -> None:
        await environment.stop()
        self._all.discard(environment)

    async def _reap(self) -> None:
        oldest = time.monotonic() - self._idle_seconds
        for environment in [known for known in self._idle if known.idle_since < oldest]:
            self._idle.remove(environment)
            await self._end(environment)
