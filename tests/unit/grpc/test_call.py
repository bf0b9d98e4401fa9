from __future__ import annotations

import asyncio
import threading
from contextlib import closing
from typing import Any

import pytest

from eventstore.access import FULL, Access
from eventstore_server.grpc.call import Call, DeadlinePassed
from eventstore_server.worker_threads import WorkerThreads


class Context:
    """A call with so many seconds left, and these credentials."""

    def __init__(self, seconds: float | None, *metadata: tuple[str, str]) -> None:
        self._seconds = seconds
        self._metadata = metadata

    def time_remaining(self) -> float | None:
        return self._seconds

    def invocation_metadata(self) -> Any:  # noqa: ANN401 - pairs
        return self._metadata


def _run(context: Context, check: Any = None, times: int = 1) -> list[Access]:  # noqa: ANN401 - a function
    async def run() -> list[Access]:
        with closing(WorkerThreads(1, name="call")) as threads:
            call = Call(context, None, threads, check)  # type: ignore[arg-type]
            return [await call.run(lambda access: access) for _ in range(times)]

    return asyncio.run(run())


def test_no_work_begins_after_the_deadline() -> None:
    assert _run(Context(None)) == _run(Context(20)) == [FULL]
    with pytest.raises(DeadlinePassed):
        _run(Context(0))


def test_a_credential_is_checked_once_a_call() -> None:
    checked: list[str] = []

    def check(credential: str) -> Access:
        checked.append(credential)
        return FULL

    _run(Context(None, ("x-api-key", "k"), ("other", "x")), check, times=3)
    assert checked == ["k"]


def test_a_call_that_ended_waits_for_work_that_it_cannot_stop() -> None:
    async def order() -> list[str]:
        seen: list[str] = []
        began, may_go_on = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def work(_: Access) -> None:
            loop.call_soon_threadsafe(began.set)
            may_go_on.wait(20)
            seen.append("work")

        with closing(WorkerThreads(1, name="call")) as threads:
            call = Call(Context(None), None, threads, None)  # type: ignore[arg-type]
            running = asyncio.create_task(call.run(work))
            await began.wait()
            running.cancel()
            settled = asyncio.create_task(call.settled())
            await asyncio.sleep(0)
            assert not settled.done()
            may_go_on.set()
            await settled
            seen.append("settled")
        return seen

    assert asyncio.run(order()) == ["work", "settled"]
