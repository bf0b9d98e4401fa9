"""Threads for the blocking work of requests, messages and calls, and coroutines that await what they return.

`concurrent.futures` gives work to the thread that has waited longest, and makes a lock and a condition for each piece
of it. A call on the hot path is one short piece, so both are a good part of its time (decision 063).
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["WorkerThreads"]

ResultT = TypeVar("ResultT")


class WorkerThreads:
    """Threads that do the work of coroutines, started as needed. Those that are busy do not keep the process alive.

    The thread that was busy last gets the next work: its stack is in the processor's caches.

    Args:
        most: The most threads. What they cannot do at once waits, the oldest first.
        name: Begins the names of the threads.
    """

    def __init__(self, most: int, *, name: str) -> None:
        self._most = most
        self._name = name
        # Guards what follows. No thread is idle while work waits.
        self._lock = threading.Lock()
        self._closed = False
        self._count = 0
        self._idle: list[_Thread] = []
        self._waiting: deque[_Work] = deque()

    async def run(self, work: Callable[[], ResultT], *, ended: Callable[[], None] = lambda: None) -> ResultT:
        """Return what blocking work returns, which is done in a thread.

        If the caller is cancelled, work that has not begun is not done; other work goes on.

        Args:
            work: The work.
            ended: Called on the event loop once the work has ended, or will not be done: also for a caller that was
                cancelled before that.

        Raises:
            RuntimeError: `close` was called, or no thread can be started and there is none.
        """
        answer: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
        try:
            self._give(_Work(work, answer, ended))
        except BaseException:
            ended()
            raise
        try:
            return await answer
        finally:
            # An error that is raised here has this frame in its traceback. In a cycle with the answer it would keep
            # all that the work has, such as the body of a request, until the garbage is collected.
            del answer

    def close(self) -> None:
        """End the threads: those that are busy, after all work that waits."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for thread in idle:
            thread.give(None)

    def _give(self, work: _Work) -> None:
        with self._lock:
            if self._closed:
                raise RuntimeError("the threads have ended")
            thread = self._idle.pop() if self._idle else self._new_thread()
            if thread is None:
                self._waiting.append(work)
                return
        thread.give(work)

    def _new_thread(self) -> _Thread | None:
        """Return a thread that has no work yet; None if there are as many as there may be, or can be."""
        if self._count == self._most:
            return None
        thread = _Thread(self._next, name=f"{self._name}_{self._count + 1}")
        try:
            thread.start()
        except RuntimeError:
            # The machine has no room for another thread.
            if not self._count:
                raise
            return None
        self._count += 1
        return thread

    def _next(self, thread: _Thread) -> _Work | None:
        """Return work that waits; None if there is none: the thread is idle from now on, or ends."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            if not self._closed:
                self._idle.append(thread)
                return None
        thread.give(None)
        return None


class _Thread:
    """A thread that waits for work."""

    def __init__(self, following: Callable[[_Thread], _Work | None], *, name: str) -> None:
        self._following = following
        self._work: _Work | None = None
        self._given = threading.Lock()
        self._given.acquire()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread: it is idle. Raises `RuntimeError` if it cannot be started."""
        self._thread.start()

    def give(self, work: _Work | None) -> None:
        """Have work done, if the thread is idle; None ends it."""
        self._work = work
        self._given.release()

    def _run(self) -> None:
        while True:
            self._given.acquire()
            work, self._work = self._work, None
            if work is None:
                return
            while work is not None:
                work.do()
                # Before the answer: who has it may give more work.
                following = self._following(self)
                work.answer()
                work = following


class _Work:
    """Work whose caller awaits the answer."""

    __slots__ = ("_answer", "_ended", "_error", "_result", "_work")

    def __init__(self, work: Callable[[], Any], answer: asyncio.Future[Any], ended: Callable[[], None]) -> None:
        self._work = work
        self._answer = answer
        self._ended = ended
        self._result: Any = None
        self._error: BaseException | None = None

    def do(self) -> None:
        """Do the work, unless its caller was cancelled."""
        try:
            if not self._answer.cancelled():
                self._result = self._work()
        except StopIteration as error:
            # A future refuses it: a coroutine that raised it would seem to have returned.
            self._error = RuntimeError("work raised StopIteration")
            self._error.__cause__ = error
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            self._error = error

    def answer(self) -> None:
        """Answer the caller; called in the thread."""
        # If the loop is closed, nobody waits.
        with suppress(RuntimeError):
            self._answer.get_loop().call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        # The traceback of an error has a frame that has this work, which is to keep neither: see `run`.
        answer, error = self._answer, self._error
        del self._answer, self._error
        try:
            self._ended()
            if answer.done():
                return
            if error is None:
                answer.set_result(self._result)
            else:
                answer.set_exception(error)
        finally:
            del answer, error
