"""What only the asynchronous worker does: handlers as tasks, cancellation, and signals of an event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_client import AsyncEventStore, Backoff
from tests.functional.client.test_busy_worker import OWNED, sent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from eventstore_client import AsyncWorker, Loss, Recorded
    from tests.functional.client.fake_websocket_hub import FakeWebSocketHub

QUICK = Backoff(first=0.001, longest=0.01, patience=5.0)


def opened(live_hub: FakeWebSocketHub) -> AsyncEventStore:
    return AsyncEventStore("http://127.0.0.1:9", websocket_url=live_hub.url, backoff=QUICK)


def commands_of(hub: FakeWebSocketHub) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in message.items() if name not in {"id", "request"}} for message in hub.commands
    ]


def test_coroutines_handle_streams_at_the_same_time_in_one_thread(live_hub: FakeWebSocketHub) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1), ("c", 1))])
    threads: set[int] = set()

    async def run() -> None:
        together = asyncio.Barrier(3)

        async def handle(_: Recorded) -> None:
            threads.add(threading.get_ident())
            async with asyncio.timeout(20):
                await together.wait()
            if live_hub.commands:
                return
            worker.close()

        async with opened(live_hub) as store, store.work("workers", concurrency=3) as worker:
            await worker.run(handle)

    asyncio.run(run())
    assert len(threads) == 1
    assert [command["cursor"] for command in commands_of(live_hub)] == ["c2"]


def returned(handle: Callable[[Recorded], Awaitable[None]], event: Recorded) -> Awaitable[None]:
    """An ordinary function that returns what is to be awaited."""
    return handle(event)


def test_a_function_that_returns_a_coroutine_is_awaited(live_hub: FakeWebSocketHub) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])
    handled: list[str] = []

    async def run() -> None:
        async def handle(event: Recorded) -> None:
            handled.append(event.stream)
            worker.close()

        async with opened(live_hub) as store, store.work("workers") as worker:
            await worker.run(partial(returned, handle))

    asyncio.run(run())
    assert handled == ["a"]


def test_an_object_with_an_asynchronous_call_is_a_handler(live_hub: FakeWebSocketHub) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])

    async def run() -> int:
        class Handler:
            async def __call__(self, _: Recorded) -> None:
                threads.append(threading.get_ident())
                worker.close()

        threads: list[int] = []
        async with opened(live_hub) as store, store.work("workers") as worker:
            await worker.run(Handler())
        return threads.count(threading.get_ident())

    assert asyncio.run(run()) == 1


def test_cancelling_the_worker_cancels_its_handlers_and_acknowledges_nothing(live_hub: FakeWebSocketHub) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1))])
    cancelled: list[str] = []

    async def run() -> None:
        begun = asyncio.Semaphore(0)

        async def handle(event: Recorded) -> None:
            begun.release()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(event.stream)
                raise

        async with opened(live_hub) as store, store.work("workers", concurrency=2) as worker:
            running = asyncio.ensure_future(worker.run(handle))
            for _ in range(2):
                await begun.acquire()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

    asyncio.run(run())
    assert sorted(cancelled) == ["a", "b"]
    assert live_hub.left.acquire(timeout=20)
    assert commands_of(live_hub) == []


def test_a_task_of_the_handler_that_is_cancelled_fails_the_event(live_hub: FakeWebSocketHub) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1))])

    async def run() -> None:
        async def handle(_: Recorded) -> None:
            worker.close()
            task = asyncio.ensure_future(asyncio.Event().wait())
            task.cancel()
            await task

        async with opened(live_hub) as store, store.work("workers") as worker:
            await worker.run(handle)

    asyncio.run(run())
    nack = commands_of(live_hub)[0]
    assert (nack["action"], nack["stream"]) == ("nack", "a")
    assert "a task that the handler awaited was cancelled" in nack["reason"]


def test_the_connection_is_read_while_a_coroutine_waits(live_hub: FakeWebSocketHub) -> None:
    live_hub.joined |= {"ack_deadline": 0.3}
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1))])

    async def run() -> None:
        async def handle(event: Recorded) -> None:
            if event.stream == "a":
                # Heartbeats are sent meanwhile; the deadline of 0.3 s nacks the event.
                await asyncio.to_thread(live_hub.until_command, action="nack", stream="a")
            else:
                worker.close()

        async with opened(live_hub) as store, store.work("workers") as worker:
            await worker.run(handle)

    asyncio.run(run())
    assert [command["action"] for command in commands_of(live_hub)][:1] == ["ack"]


def test_a_signal_ends_the_worker_after_its_event_and_a_second_has_its_usual_effect(live_hub: FakeWebSocketHub) -> None:
    live_hub.shares.append([OWNED, sent(2, ("a", 1), ("b", 1))])
    handled: list[str] = []
    usual: list[int] = []

    async def run() -> None:
        async def handle(event: Recorded) -> None:
            os.kill(os.getpid(), signal.SIGUSR1)
            # The loop learns of the signal by a socket, which it reads before it wakes this task up.
            await asyncio.sleep(0.01)
            os.kill(os.getpid(), signal.SIGUSR1)
            handled.append(event.stream)

        async with opened(live_hub) as store, store.work("workers") as worker:
            await worker.run(handle, signals=[signal.SIGUSR1])

    before = signal.signal(signal.SIGUSR1, lambda number, _: usual.append(number))
    try:
        asyncio.run(run())
        os.kill(os.getpid(), signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert handled == ["a"]
    assert usual == [signal.SIGUSR1] * 2


def test_a_closed_worker_does_not_connect(live_hub: FakeWebSocketHub) -> None:
    async def run() -> None:
        async with opened(live_hub) as store:
            worker = store.work("workers")
            worker.close()
            await worker.run(print)

    asyncio.run(run())
    assert live_hub.connected == 0


def test_a_signal_closes_all_workers_that_wait_for_it(live_hub: FakeWebSocketHub) -> None:
    usual: list[int] = []

    async def run() -> None:
        async with opened(live_hub) as store:
            workers = [store.work("workers") for _ in range(3)]
            numbers = [signal.SIGUSR1, signal.SIGUSR1]
            running = [asyncio.ensure_future(worker.run(print, signals=numbers)) for worker in workers]
            await asyncio.to_thread(live_hub.until_subscribed, 3)
            os.kill(os.getpid(), signal.SIGUSR1)
            async with asyncio.timeout(20):
                await asyncio.gather(*running)
            os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, lambda number, _: usual.append(number))
    try:
        asyncio.run(run())
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert usual == [signal.SIGUSR1]


def test_another_thread_closes_a_worker_that_waits(live_hub: FakeWebSocketHub) -> None:
    async def run() -> None:
        async with opened(live_hub) as store:
            worker = store.work("workers")
            running = asyncio.ensure_future(worker.run(print))
            await asyncio.to_thread(live_hub.until_subscribed, 1)
            await asyncio.to_thread(worker.close)
            async with asyncio.timeout(20):
                await running

    asyncio.run(run())
    assert live_hub.unsubscribed == 1


def test_a_handler_that_never_waits_lets_other_tasks_run(live_hub: FakeWebSocketHub) -> None:
    live_hub.shares.append([OWNED, sent(2, *(("a", number) for number in range(1, 101)))])

    async def run() -> int:
        handled: list[int] = []
        seen: set[int] = set()

        async def handle(event: Recorded) -> None:
            handled.append(event.sequence)
            if event.sequence == 100:
                worker.close()

        async def look() -> None:
            while len(handled) < 100:
                seen.add(len(handled))
                await asyncio.sleep(0)

        async with opened(live_hub) as store, store.work("workers") as worker:
            await asyncio.gather(worker.run(handle), look())
        return len(seen)

    assert asyncio.run(run()) > 50


def test_a_loss_is_accepted_when_its_coroutine_has_ended(live_hub: FakeWebSocketHub) -> None:
    missing = [{"stream": "a", "first": 1, "last": 2}]
    truncated = {"type": "truncated", "partition": 1, "frame": 2, "cursor": "c", "missing": missing}
    live_hub.shares.append([OWNED, truncated, sent(3, ("a", 3))])
    happened: list[str] = []

    async def accept(loss: Loss) -> None:
        await asyncio.sleep(0)
        happened.append(str(loss))

    async def handle(event: Recorded) -> None:
        happened.append(str(event.sequence))
        worker.close()

    async def run() -> None:
        nonlocal worker
        async with opened(live_hub) as store, store.work("workers", on_loss=accept) as worker:
            await worker.run(handle)

    worker: AsyncWorker
    asyncio.run(run())
    assert happened == ["events were removed before they were received: a 1 to 2", "3"]


def test_a_coroutine_that_fails_for_a_loss_ends_the_worker(live_hub: FakeWebSocketHub) -> None:
    missing = [{"stream": "a", "first": 1, "last": 2}]
    live_hub.shares.append(
        [OWNED, {"type": "truncated", "partition": 1, "frame": 2, "cursor": "c", "missing": missing}]
    )

    async def accept(_: Loss) -> None:
        await asyncio.sleep(0)
        raise LookupError("no room for the report")

    async def run() -> None:
        async with opened(live_hub) as store, store.work("workers", on_loss=accept) as worker:
            await worker.run(lambda _: None)

    with pytest.raises(LookupError, match="no room for the report"):
        asyncio.run(run())
    assert not [command for command in commands_of(live_hub) if command["action"] == "ack"]
