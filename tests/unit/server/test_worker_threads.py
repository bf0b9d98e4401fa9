from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import pytest

from eventstore_server.worker_threads import WorkerThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

ResultT = TypeVar("ResultT")

_WITHIN = 20


def with_threads(most: int, use: Callable[[WorkerThreads], Coroutine[None, None, ResultT]]) -> ResultT:
    async def run() -> ResultT:
        with closing(WorkerThreads(most, name="t")) as threads:
            async with asyncio.timeout(_WITHIN):
                return await use(threads)

    return asyncio.run(run())


class Gate:
    """Work that waits for the test."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._open = threading.Event()

    def __call__(self) -> str:
        self._loop.call_soon_threadsafe(self.began.set)
        assert self._open.wait(_WITHIN)
        return threading.current_thread().name

    def open(self) -> None:
        self._open.set()


def test_a_caller_gets_what_its_work_returns_or_raises() -> None:
    async def use(threads: WorkerThreads) -> str:
        with pytest.raises(ZeroDivisionError):
            await threads.run(lambda: 1 / 0)
        return await threads.run(lambda: threading.current_thread().name)

    assert with_threads(2, use) == "t_1"


def test_work_that_raises_stop_iteration_fails() -> None:
    async def use(threads: WorkerThreads) -> None:
        with pytest.raises(RuntimeError, match="work raised StopIteration"):
            await threads.run(lambda: next(iter(())))

    with_threads(1, use)


def test_an_error_keeps_nothing_of_the_work_once_it_was_handled() -> None:
    class Body:
        """What a request has."""

    async def use(threads: WorkerThreads) -> None:
        body = Body()
        kept = weakref.ref(body)

        def fail(body: Body) -> None:
            raise ValueError(body)

        with pytest.raises(ValueError, match="Body"):
            await threads.run(partial(fail, body))
        del body
        # The thread has passed what it had.
        await threads.run(lambda: None)
        assert kept() is None

    gc.collect()
    gc.disable()
    try:
        with_threads(1, use)
    finally:
        gc.enable()


def test_threads_that_cannot_be_started_are_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def use(threads: WorkerThreads) -> list[str]:
        ended: list[str] = []
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse)
            for _ in range(3):
                with pytest.raises(RuntimeError, match="can't start new thread"):
                    await threads.run(lambda: None, ended=lambda: ended.append("refused"))
        gate = Gate()
        busy = asyncio.create_task(threads.run(gate))
        await gate.began.wait()
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse)
            waiting = asyncio.create_task(threads.run(lambda: ended.append("done")))
            await asyncio.sleep(0)
        gate.open()
        await asyncio.gather(busy, waiting)
        return ended

    assert with_threads(2, use) == ["refused", "refused", "refused", "done"]


def test_the_thread_that_was_busy_last_gets_the_next_work() -> None:
    async def use(threads: WorkerThreads) -> list[str]:
        gates = [Gate(), Gate(), Gate()]
        running = [asyncio.create_task(threads.run(gate)) for gate in gates]
        for gate in gates:
            await gate.began.wait()
        for number in (0, 2, 1):
            gates[number].open()
            await running[number]
        return [await threads.run(lambda: threading.current_thread().name) for _ in range(2)]

    # Otherwise they would take turns.
    assert with_threads(3, use) == ["t_2", "t_2"]


def test_work_waits_for_a_thread_and_is_done_in_the_order_in_which_it_came() -> None:
    async def use(threads: WorkerThreads) -> list[int]:
        gate, done = Gate(), list[int]()
        busy = asyncio.create_task(threads.run(gate))
        await gate.began.wait()
        waiting = [asyncio.create_task(threads.run(lambda n=n: done.append(n))) for n in range(5)]  # type: ignore[misc]
        await asyncio.sleep(0)
        assert not done
        gate.open()
        await asyncio.gather(busy, *waiting)
        return done

    assert with_threads(1, use) == [0, 1, 2, 3, 4]


def test_work_of_a_caller_that_was_cancelled_is_not_begun_and_its_end_is_reported() -> None:
    async def use(threads: WorkerThreads) -> list[str]:
        gate, seen = Gate(), list[str]()
        busy = asyncio.create_task(threads.run(gate, ended=lambda: seen.append("busy ended")))
        await gate.began.wait()
        waits = asyncio.create_task(threads.run(lambda: seen.append("begun"), ended=lambda: seen.append("waits ended")))
        await asyncio.sleep(0)
        for task in (busy, waits):
            task.cancel()
        await asyncio.gather(busy, waits, return_exceptions=True)
        assert not seen
        gate.open()
        await threads.run(lambda: None)
        return seen

    assert with_threads(1, use) == ["busy ended", "waits ended"]


def test_closing_does_the_work_that_waits_and_ends_all_threads() -> None:
    async def use(threads: WorkerThreads) -> list[threading.Thread]:
        gate, done = Gate(), list[threading.Thread]()
        busy = asyncio.create_task(threads.run(gate))
        await gate.began.wait()
        waiting = asyncio.create_task(threads.run(lambda: done.append(threading.current_thread())))
        await asyncio.sleep(0)
        threads.close()
        gate.open()
        await asyncio.gather(busy, waiting)
        with pytest.raises(RuntimeError, match="the threads have ended"):
            await threads.run(lambda: None)
        return done

    [thread] = with_threads(1, use)
    thread.join(_WITHIN)
    assert not thread.is_alive()


def test_a_loop_that_was_closed_meanwhile_does_no_harm_to_a_thread() -> None:
    async def begin(threads: WorkerThreads) -> Gate:
        gate = Gate()
        task = asyncio.create_task(threads.run(gate))
        await gate.began.wait()
        task.cancel()
        return gate

    with closing(WorkerThreads(1, name="t")) as threads:
        asyncio.run(begin(threads)).open()
        assert asyncio.run(threads.run(lambda: "goes on")) == "goes on"
