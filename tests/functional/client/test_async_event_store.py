"""What only the asynchronous face does: cancellation, many calls at once, and more than one event loop."""

from __future__ import annotations

import asyncio
import inspect
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_client import (
    AsyncEventStore,
    AsyncStreams,
    Backoff,
    Bearer,
    ConnectFailed,
    EventStore,
    Invalid,
    NotFound,
    Stored,
    Streams,
    UnexpectedAnswer,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.functional.client.fake_hub import FakeHub

QUICK = Backoff(first=0.001, longest=0.01, patience=5.0)


def event(event_id: str = "1", **members: object) -> dict[str, Any]:
    return {"specversion": "1.0", "id": event_id, "source": "/tests", "type": "t", **members}


class Gate:
    """Publishes wait in the hub until the test opens it."""

    def __init__(self, hub: FakeHub) -> None:
        self.arrived, self.opened = threading.Semaphore(0), threading.Event()
        hub.before_publish = self.wait

    def wait(self, _: str) -> None:
        self.arrived.release()
        assert self.opened.wait(20)

    async def until_arrived(self, count: int = 1) -> None:
        for _ in range(count):
            assert await asyncio.to_thread(self.arrived.acquire, timeout=20)


def test_calls_of_many_tasks_are_made_at_once(hub: FakeHub) -> None:
    gate = Gate(hub)

    async def run() -> list[list[Stored]]:
        async with AsyncEventStore(hub.url, connections=5) as store:
            calls = [asyncio.create_task(store.publish([event()], stream=f"s{number}")) for number in range(20)]
            await gate.until_arrived(5)
            assert not gate.arrived.acquire(blocking=False)
            gate.opened.set()
            return await asyncio.gather(*calls)

    assert [stored[0].stream for stored in asyncio.run(run())] == [f"s{number}" for number in range(20)]


def test_a_call_that_waits_for_the_hub_does_not_hold_up_the_event_loop(hub: FakeHub) -> None:
    gate = Gate(hub)

    async def run() -> int:
        async with AsyncEventStore(hub.url) as store:
            call = asyncio.create_task(store.publish([event()], stream="s"))
            await gate.until_arrived()
            turns = 0
            while turns < 100:
                await asyncio.sleep(0)
                turns += 1
            assert not call.done()
            gate.opened.set()
            await call
            return turns

    assert asyncio.run(run()) == 100


def test_a_call_that_is_cancelled_ends_at_once_and_can_be_made_again(hub: FakeHub) -> None:
    gate = Gate(hub)

    async def run() -> list[Stored]:
        async with AsyncEventStore(hub.url) as store:
            call = asyncio.create_task(store.publish([event()], stream="s"))
            await gate.until_arrived()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            gate.opened.set()
            return await store.publish([event()], stream="s")

    [stored] = asyncio.run(run())

    assert stored.sequence == 1
    assert len(hub.streams["s"]) == 1


def test_a_call_that_is_cancelled_is_not_retried(hub: FakeHub) -> None:
    hub.faults.extend([503] * 1000)

    async def run() -> None:
        failed = asyncio.Event()
        loop = asyncio.get_running_loop()
        backoff = Backoff(first=60.0, random=lambda: 1.0, patience=600.0, notice=lambda _: loop.call_soon(failed.set))
        async with AsyncEventStore(hub.url, backoff=backoff) as store:
            call = asyncio.create_task(store.publish([event()], stream="s"))
            await failed.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

    asyncio.run(run())

    assert hub.publishes == 1


@pytest.mark.parametrize("kind", ["search", "read", "list"])
def test_one_task_iterates_and_a_second_is_refused(hub: FakeHub, kind: str) -> None:
    arrived, answered = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        arrived.set()
        assert answered.wait(20)

    async def run() -> list[str]:
        async with AsyncEventStore(hub.url, backoff=QUICK) as store:
            await store.publish([event(str(number)) for number in range(3)], stream="s")
            hub.guard = hold
            found: AsyncIterator[Any] = {
                "search": lambda: store.search(page=1),
                "read": lambda: store.read("s", page=1),
                "list": store.streams.list,
            }[kind]()
            first = asyncio.create_task(anext(found))
            assert await asyncio.to_thread(arrived.wait, 20)
            with pytest.raises(RuntimeError, match="one task iterates"):
                await anext(found)
            answered.set()
            await asyncio.wait({first})
            if kind == "read":
                # The first one is not disturbed, and may go on.
                return [(await first).id, *[item.id async for item in found]]
            # This hub has neither lists nor searches.
            assert isinstance(first.exception(), NotFound | UnexpectedAnswer)
            return []

    assert asyncio.run(run()) == (["0", "1", "2"] if kind == "read" else [])


def test_event_loops_may_share_a_store(hub: FakeHub) -> None:
    store = AsyncEventStore(hub.url)

    asyncio.run(store_one(store, "1"))
    asyncio.run(store_one(store, "2"))
    asyncio.run(store.aclose())

    assert len(hub.streams["s"]) == 2


async def store_one(store: AsyncEventStore, event_id: str) -> None:
    await store.publish([event(event_id)], stream="s")


def test_event_loops_of_several_threads_may_share_a_store(hub: FakeHub) -> None:
    store = AsyncEventStore(hub.url, connections=2)
    threads = [
        threading.Thread(target=lambda number=number: asyncio.run(store_one(store, str(number)))) for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(store.aclose())

    assert len(hub.streams["s"]) == 4


def test_a_store_that_was_closed_can_be_used_again_and_leaves_no_thread(hub: FakeHub) -> None:
    before = {*threading.enumerate()}

    async def run() -> None:
        store = AsyncEventStore(hub.url)
        await store_one(store, "1")
        await store.aclose()
        await store_one(store, "2")
        await store.aclose()

    asyncio.run(run())

    for thread in {*threading.enumerate()} - before:
        if thread.name.startswith("eventstore"):
            thread.join(20)
            assert not thread.is_alive()
    assert len(hub.streams["s"]) == 2


def test_a_loop_may_end_while_a_cancelled_request_is_on_its_way(hub: FakeHub) -> None:
    gate = Gate(hub)
    store = AsyncEventStore(hub.url)

    async def run() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(store.publish([event()], stream="s"), 0.001)
        await gate.until_arrived()

    asyncio.run(run())
    gate.opened.set()
    asyncio.run(store_one(store, "2"))
    asyncio.run(store.aclose())

    assert len(hub.streams["s"]) == 2


def test_a_source_of_tokens_runs_beside_the_event_loop(hub: FakeHub) -> None:
    threads: list[str] = []

    def token() -> str:
        threads.append(threading.current_thread().name)
        return "token"

    async def run() -> None:
        async with AsyncEventStore(hub.url, credentials=Bearer(token)) as store:
            await store.health()

    asyncio.run(run())

    assert threads
    assert all(name.startswith("eventstore") for name in threads)


def test_a_request_has_the_context_of_its_task(hub: FakeHub) -> None:
    variable: ContextVar[str] = ContextVar("variable", default="none")
    seen: list[str] = []

    def token() -> str:
        seen.append(variable.get())
        return "token"

    async def run() -> None:
        variable.set("of the task")
        async with AsyncEventStore(hub.url, credentials=Bearer(token)) as store:
            await store.health()

    asyncio.run(run())

    assert seen == ["of the task"]


def test_an_unreachable_hub_is_given_up() -> None:
    async def run() -> None:
        async with AsyncEventStore("http://127.0.0.1:9", backoff=Backoff(patience=0.05, first=0.01)) as store:
            await store.publish([event()], stream="s")

    with pytest.raises(ConnectFailed, match=r"http://127\.0\.0\.1:9"):
        asyncio.run(run())


class TestPublishingAll:
    def test_an_asynchronous_iterable_is_stored_in_order(self, hub: FakeHub) -> None:
        positions: list[Stored] = []

        async def events() -> AsyncIterator[dict[str, Any]]:
            for number in range(250):
                await asyncio.sleep(0)
                yield event(str(number))

        async def run() -> int:
            async with AsyncEventStore(hub.url) as store:
                return await store.publish_all(events(), stream="s", batch=20, on_stored=positions.extend)

        assert asyncio.run(run()) == 250
        assert [position.id for position in positions] == [str(number) for number in range(250)]

    def test_events_are_produced_while_a_request_is_in_progress(self, hub: FakeHub) -> None:
        gate = Gate(hub)
        produced = asyncio.Event()

        async def events() -> AsyncIterator[dict[str, Any]]:
            yield event("1")
            await gate.until_arrived()
            yield event("2")
            produced.set()

        async def run() -> int:
            async with AsyncEventStore(hub.url) as store:
                storing = asyncio.create_task(store.publish_all(events(), stream="s"))
                await produced.wait()
                gate.opened.set()
                return await storing

        assert asyncio.run(run()) == 2
        assert hub.publishes == 2

    def test_a_request_that_is_not_full_is_sent_after_the_linger(self, hub: FakeHub) -> None:
        stored = asyncio.Event()

        async def events() -> AsyncIterator[dict[str, Any]]:
            yield event("1")
            await stored.wait()

        async def run() -> int:
            async with AsyncEventStore(hub.url) as store:
                return await store.publish_all(events(), stream="s", linger=0.01, on_stored=lambda _: stored.set())

        assert asyncio.run(run()) == 1

    def test_when_it_is_cancelled_the_request_in_progress_is_the_last(self, hub: FakeHub) -> None:
        gate = Gate(hub)

        async def run() -> None:
            async with AsyncEventStore(hub.url) as store:
                events = [event(str(number)) for number in range(100)]
                storing = asyncio.create_task(store.publish_all(events, stream="s", batch=10))
                await gate.until_arrived()
                storing.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await storing
                gate.opened.set()
                await store.health()

        asyncio.run(run())

        assert hub.publishes == 1

    def test_a_request_that_fails_ends_an_iterable_without_an_end_and_closes_it(self, hub: FakeHub) -> None:
        closed: list[bool] = []

        async def events() -> AsyncIterator[dict[str, Any]]:
            number = 0
            try:
                while True:
                    number += 1
                    yield event(str(number)) if number != 25 else {"type": "t"}
            finally:
                closed.append(True)

        async def run() -> None:
            async with AsyncEventStore(hub.url) as store:
                await store.publish_all(events(), stream="s", batch=10)

        with pytest.raises(Invalid) as failed:
            asyncio.run(run())

        assert "of those passed to publish_all" in failed.value.__notes__[0]
        assert closed == [True]
        assert len(hub.streams["s"]) < 25


class TestTheFaces:
    def shared(self, blocking: type, asynchronous: type) -> Sequence[str]:
        names = {name for name in vars(blocking).keys() & vars(asynchronous).keys() if not name.startswith("_")}
        return sorted(name for name in names if callable(vars(blocking)[name]))

    @pytest.mark.parametrize(("blocking", "asynchronous"), [(EventStore, AsyncEventStore), (Streams, AsyncStreams)])
    def test_their_methods_take_the_same_parameters_and_have_the_same_documentation(
        self, blocking: type, asynchronous: type
    ) -> None:
        names = [name for name in self.shared(blocking, asynchronous) if name != "publish_all"]
        assert {"get"} <= {*names}
        for name in names:
            ours, theirs = getattr(blocking, name), getattr(asynchronous, name)
            assert inspect.signature(ours).parameters == inspect.signature(theirs).parameters
            assert ours.__doc__ == theirs.__doc__

    def test_annotations_are_those_of_the_face(self) -> None:
        assert inspect.signature(Streams.get).return_annotation == "StreamInfo"
        assert inspect.signature(AsyncStreams.get).return_annotation == "StreamInfo"
        assert inspect.iscoroutinefunction(AsyncStreams.get)
        assert not inspect.iscoroutinefunction(Streams.get)
        assert inspect.signature(Streams.list).return_annotation == "Iterator[StreamInfo]"
        assert inspect.signature(AsyncStreams.list).return_annotation == "AsyncIterator[StreamInfo]"
        assert inspect.signature(EventStore.publish).return_annotation == "list[Stored]"
        assert inspect.signature(EventStore.subscribe).return_annotation == "Subscription"
        assert inspect.signature(EventStore.work).return_annotation == "Worker"
        assert inspect.signature(AsyncEventStore.work).return_annotation == "AsyncWorker"

    def test_the_asynchronous_one_has_all_calls_of_the_blocking_one(self) -> None:
        def offered(face: type) -> set[str]:
            return {name for name in dir(face) if not name.startswith("_")}

        assert offered(EventStore) - offered(AsyncEventStore) == {"close"}
        assert offered(AsyncEventStore) - offered(EventStore) == {"aclose"}

    def test_a_subclass_may_override_an_operation_for_its_own_subclasses_too(self) -> None:
        class Mine(EventStore):
            def publish(self, events: object, **_: object) -> list[Stored]:  # type: ignore[override]
                return [Stored("mine", 1, str(events), duplicate=False)]

        class Mixin:
            def publish(self, _: object) -> str:
                return "mixed in"

        class Further(Mine):
            pass

        class Mixed(Mixin, EventStore):  # type: ignore[misc]
            pass

        for face in (Mine, Further):
            with face("http://127.0.0.1:9") as store:
                assert store.publish("x")[0].stream == "mine"
        with Mixed("http://127.0.0.1:9") as store:
            assert store.publish("x") == "mixed in"
