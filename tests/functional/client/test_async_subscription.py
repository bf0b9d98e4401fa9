"""What only the asynchronous subscription does: cancellation, closing by another task, and event loops."""

from __future__ import annotations

import asyncio
import gc
import socket
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from eventstore_client import AsyncEventStore, Backoff

if TYPE_CHECKING:
    from eventstore_client import AsyncSubscription, Loss
    from tests.functional.client.fake_websocket_hub import FakeWebSocketHub

QUICK = Backoff(first=0.001, longest=0.01, patience=5.0)


def opened(live_hub: FakeWebSocketHub, backoff: Backoff = QUICK) -> AsyncEventStore:
    return AsyncEventStore("http://127.0.0.1:9", websocket_url=live_hub.url, backoff=backoff)


async def until_waiting(task: asyncio.Task[object]) -> None:
    """Return once the task waits for something."""
    for _ in range(20):
        await asyncio.sleep(0)
    assert not task.done()


def test_it_is_iterated_in_a_context_and_when_awaited(live_hub: FakeWebSocketHub) -> None:
    live_hub.publish("a", 3)

    async def run() -> tuple[list[int], list[int]]:
        async with opened(live_hub) as store:
            async with store.subscribe(start="start") as subscription:
                first = [(await anext(subscription)).sequence for _ in range(3)]
            subscription = await store.subscribe(cursor=subscription.handled())
            live_hub.publish("a", 2)
            second: list[int] = []
            async for event in subscription:
                second.append(event.sequence)
                if event.sequence == 5:
                    break
            await subscription.aclose()
            return first, second

    assert asyncio.run(run()) == ([1, 2, 3], [4, 5])


def test_a_task_that_is_cancelled_while_it_waits_loses_no_event(live_hub: FakeWebSocketHub) -> None:
    async def run() -> list[int]:
        async with opened(live_hub) as store, store.subscribe() as subscription:
            received: list[int] = []
            for turns in range(50):
                waiting = asyncio.ensure_future(anext(subscription))
                await asyncio.sleep(0)
                live_hub.publish("a")
                # The cancellation comes before, with or after the message.
                for _ in range(turns % 5):
                    await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.wait({waiting})
                if not waiting.cancelled():
                    received.append(waiting.result().sequence)
            async with asyncio.timeout(20):
                while len(received) < 50:
                    received.append((await anext(subscription)).sequence)
            return received

    assert asyncio.run(run()) == [*range(1, 51)]
    assert live_hub.connected == 1


def test_a_wait_with_a_timeout_can_be_repeated(live_hub: FakeWebSocketHub) -> None:
    async def run() -> int:
        async with opened(live_hub) as store, store.subscribe() as subscription:
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(anext(subscription), 0.001)
            live_hub.publish("a")
            return (await anext(subscription)).sequence

    assert asyncio.run(run()) == 1
    assert live_hub.connected == 1


def test_a_task_that_is_cancelled_while_it_reconnects_continues_where_it_was(live_hub: FakeWebSocketHub) -> None:
    async def run() -> list[int]:
        away = asyncio.Event()
        backoff = Backoff(first=60.0, patience=600.0, random=lambda: 1.0, notice=lambda _: away.set())
        async with opened(live_hub, backoff) as store, store.subscribe() as subscription:
            live_hub.publish("a")
            received = [(await anext(subscription)).sequence]
            waiting = asyncio.ensure_future(anext(subscription))
            live_hub.disconnect()
            await away.wait()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            live_hub.publish("a", 2)
            return received + [(await anext(subscription)).sequence for _ in range(2)]

    assert asyncio.run(run()) == [1, 2, 3]


def test_closing_in_another_task_ends_the_iteration(live_hub: FakeWebSocketHub) -> None:
    async def run() -> list[int]:
        received: list[int] = []
        first = asyncio.Event()

        async def iterate(subscription: AsyncSubscription) -> None:
            async for event in subscription:
                received.append(event.sequence)
                first.set()

        async with opened(live_hub) as store:
            subscription = await store.subscribe()
            iterating = asyncio.create_task(iterate(subscription))
            live_hub.publish("a")
            await first.wait()
            await subscription.aclose()
            await iterating
            return received

    assert asyncio.run(run()) == [1]


def test_closing_ends_the_iteration_while_it_connects_to_a_hub_that_does_not_answer(
    live_hub: FakeWebSocketHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(silent: socket.socket) -> None:
        async with opened(live_hub) as store:
            subscription = await store.subscribe()
            url = f"ws://127.0.0.1:{silent.getsockname()[1]}/ws"
            monkeypatch.setattr(subscription._feed, "_options", replace(subscription._feed._options, url=url))
            live_hub.disconnect()
            waiting = asyncio.ensure_future(anext(subscription, None))
            loop = asyncio.get_running_loop()
            silent.setblocking(False)
            connection, _ = await loop.sock_accept(silent)
            await subscription.aclose()
            async with asyncio.timeout(5):
                assert await waiting is None
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as silent:
        asyncio.run(run(silent))


def test_only_one_task_iterates(live_hub: FakeWebSocketHub) -> None:
    async def run() -> None:
        async with opened(live_hub) as store, store.subscribe() as subscription:
            waiting = asyncio.ensure_future(anext(subscription))
            await until_waiting(waiting)
            with pytest.raises(RuntimeError, match="one task iterates a subscription"):
                await anext(subscription)
            live_hub.publish("a")
            assert (await waiting).sequence == 1

    asyncio.run(run())


def test_a_subscription_belongs_to_its_event_loop(live_hub: FakeWebSocketHub) -> None:
    async def use(subscription: AsyncSubscription) -> None:
        with pytest.raises(RuntimeError, match="belongs to another event loop"):
            await anext(subscription)
        with pytest.raises(RuntimeError, match="belongs to another event loop"):
            await subscription.aclose()

    async def run() -> None:
        async with opened(live_hub) as store, store.subscribe() as subscription:
            await asyncio.to_thread(asyncio.run, use(subscription))

    asyncio.run(run())


def test_many_subscriptions_share_an_event_loop(live_hub: FakeWebSocketHub) -> None:
    async def follow(store: AsyncEventStore, ready: asyncio.Semaphore) -> list[int]:
        async with store.subscribe(stream="a") as subscription:
            ready.release()
            return [(await anext(subscription)).sequence for _ in range(3)]

    async def run() -> list[list[int]]:
        ready = asyncio.Semaphore(0)
        async with opened(live_hub) as store:
            following = [asyncio.create_task(follow(store, ready)) for _ in range(10)]
            for _ in following:
                await ready.acquire()
            live_hub.publish("a", 3)
            return await asyncio.gather(*following)

    assert asyncio.run(run()) == [[1, 2, 3]] * 10


def test_a_subscription_whose_opening_is_cancelled_leaves_no_connection(live_hub: FakeWebSocketHub) -> None:
    live_hub.answers.append({"type": "pong"})

    async def run() -> None:
        async with opened(live_hub) as store:
            opening = asyncio.ensure_future(_opened(store))
            await asyncio.to_thread(live_hub.until_subscribed, 1)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening

    asyncio.run(run())

    assert live_hub.left.acquire(timeout=10)


async def _opened(store: AsyncEventStore) -> AsyncSubscription:
    return await store.subscribe()


def test_a_subscription_that_is_never_awaited_is_warned_of(live_hub: FakeWebSocketHub) -> None:
    async def run() -> None:
        async with opened(live_hub) as store:
            store.subscribe()
            gc.collect()
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                async with store.subscribe():
                    pass
                await (await store.subscribe()).aclose()
                gc.collect()

    with pytest.warns(RuntimeWarning, match="a subscription was never awaited"):
        asyncio.run(run())
    assert len(live_hub.requests) == 2


def test_a_loss_is_accepted_when_its_coroutine_has_ended(live_hub: FakeWebSocketHub) -> None:
    happened: list[str] = []

    async def accept(loss: Loss) -> None:
        await asyncio.sleep(0)
        happened.append(str(loss))

    async def run() -> None:
        async with opened(live_hub) as store:
            async with store.subscribe() as before:
                pass
            live_hub.publish("a", 2)
            live_hub.remove("a")
            live_hub.publish("a")
            async with store.subscribe(cursor=before.cursor, on_loss=accept) as subscription:
                happened.append(str((await anext(subscription)).sequence))

    asyncio.run(run())
    assert happened == ["events were removed before they were received: a 1, a 2", "3"]
