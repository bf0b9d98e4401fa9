"""The environments of one function: as many as its concurrency needs, kept warm for the next call.

Rules: AWS Lambda Developer Guide, "Understanding Lambda function scaling". Where Lambda throttles at its limit, a call
waits here for its turn.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

from eventstore_dev.environment import Environment

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from eventstore_dev.addresses import Addresses
    from eventstore_dev.invocation import Invocation, Limits, Outcome
    from eventstore_dev.template import Function
    from eventstore_dev.terminal import Terminal
    from eventstore_hosting.lifeline import Lifeline


class Pool:
    """Runs a function's calls, each in an environment of its own for as long as it lasts."""

    def __init__(
        self, function: Function, *, limits: Limits, lifeline: Lifeline, terminal: Terminal, addresses: Addresses
    ) -> None:
        self.function = function
        self._addresses = addresses
        self._limits = limits
        self._lifeline = lifeline
        self._terminal = terminal
        self._size = function.concurrency or limits.concurrency
        # Last in, first out: a small load keeps few environments warm, and lets the others go.
        self._idle: list[tuple[float, Environment]] = []
        self._all: set[Environment] = set()
        self._waiting: deque[asyncio.Future[Environment]] = deque()
        self._starting = 0
        self._current: set[Environment] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._reaper: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that there are."""
        return tuple(environment.pid for environment in self._all if environment.pid)

    @property
    def size(self) -> int:
        """How many calls may run at once."""
        return self._size

    def warm(self) -> None:
        """Starts an environment ahead of the first call, in the background."""
        if not self._all and not self._starting:
            self._grow()

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Runs one call; waits while as many run as may."""
        environment = self._take() or await self._queue()
        try:
            return await environment.invoke(invocation)
        finally:
            self._give_back(environment)

    def renew(self, function: Function) -> None:
        """Lets no later call run in an environment of before; those that run now run to their end."""
        self.function = function
        self._size = function.concurrency or self._limits.concurrency
        self._current.clear()
        while self._idle:
            self._end(self._idle.pop()[1])
        self.warm()
        self._grow_as_needed()

    async def stop(self) -> None:
        """Ends every environment, whatever it is at."""
        self._closed = True
        if self._reaper is not None:
            self._reaper.cancel()
        for waiter in self._waiting:
            waiter.cancel()
        await asyncio.gather(*(environment.stop() for environment in self._all))
        while self._tasks:
            # Taken out here: tasks that are done already let no callback run that would do it, and this would spin.
            tasks = list(self._tasks)
            self._tasks.clear()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _take(self) -> Environment | None:
        while self._idle:
            environment = self._idle.pop()[1]
            if environment.usable:
                return environment
            self._end(environment)
        return None

    async def _queue(self) -> Environment:
        waiter: asyncio.Future[Environment] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._grow_as_needed()
        return await waiter

    def _grow_as_needed(self) -> None:
        # Whoever waits gets whatever comes first, a new environment or one that is free again.
        waiting = sum(not waiter.done() for waiter in self._waiting)
        while (
            not self._closed
            and self._starting < min(waiting, self._limits.starting)
            and len(self._all) + 1 <= self._size
        ):
            self._grow()

    def _grow(self) -> None:
        environment = Environment(
            self.function,
            limits=self._limits,
            lifeline=self._lifeline,
            terminal=self._terminal,
            addresses=self._addresses,
        )
        self._all.add(environment)
        self._current.add(environment)
        self._starting += 1
        self._background(self._start(environment))

    async def _start(self, environment: Environment) -> None:
        try:
            await environment.start()
        finally:
            self._starting -= 1
        self._give_back(environment)

    def _give_back(self, environment: Environment) -> None:
        # One that failed to start is offered once, to tell the reason.
        if environment in self._current and (environment.usable or environment.init_seconds is not None):
            self._offer(environment)
        else:
            self._end(environment)
        self._grow_as_needed()

    def _offer(self, environment: Environment) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(environment)
                return
        if environment.usable and not self._closed:
            self._idle.append((time.monotonic(), environment))
            if self._reaper is None:
                self._reap_after(self._limits.idle_seconds)
        else:
            self._end(environment)

    def _reap_after(self, seconds: float) -> None:
        self._reaper = asyncio.get_running_loop().call_later(seconds, self._reap)

    def _reap(self) -> None:
        self._reaper = None
        oldest_kept = time.monotonic() - self._limits.idle_seconds
        while self._idle and self._idle[0][0] <= oldest_kept:
            self._end(self._idle.pop(0)[1])
        if self._idle:
            self._reap_after(max(self._idle[0][0] - oldest_kept, 0.01))

    def _end(self, environment: Environment) -> None:
        self._all.discard(environment)
        self._current.discard(environment)
        self._background(environment.stop())

    def _background(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
