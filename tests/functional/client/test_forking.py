"""Which objects of its parent a forked process may use."""

from __future__ import annotations

import asyncio
import os
import threading
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_client import AsyncEventStore, Bearer, EventStore, WrongProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventstore_client import Recorded
    from tests.functional.client.fake_hub import FakeHub
    from tests.functional.client.fake_websocket_hub import FakeWebSocketHub

# Python 3.12 warns about forks of processes with threads; these children use no thread.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")

OWNED = {"type": "owned", "partition": 1, "frame": 1, "cursor": "c0"}


def event(identity: str) -> dict[str, Any]:
    return {"specversion": "1.0", "id": identity, "source": "/tests", "type": "t"}


def in_a_child(action: Callable[[], None]) -> int:
    """Run `action` in a forked process; return its exit code, 0 unless it raises."""
    child = os.fork()
    if not child:
        code = 1
        try:
            action()
            code = 0
        except BaseException:  # noqa: BLE001 - the child ends here, whatever came of it
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_parent_and_child_publish_over_connections_of_their_own(hub: FakeHub) -> None:
    with EventStore(hub.url, connections=1) as store:
        store.publish([event("warm")], stream="warm")
        [(process, pool)] = [store._transport._pools]

        def publish() -> None:
            for number in range(20):
                [stored] = store.publish([event(f"child-{number}")], stream="child")
                assert (stored.stream, stored.id) == ("child", f"child-{number}")
            assert store._transport._pools != (process, pool)
            store.close()

        codes: list[int] = []
        forking = threading.Thread(target=lambda: codes.append(in_a_child(publish)))
        forking.start()
        for number in range(20):
            [stored] = store.publish([event(f"parent-{number}")], stream="parent")
            assert (stored.stream, stored.id) == ("parent", f"parent-{number}")
        forking.join()
        assert store._transport._pools == (process, pool)
    assert codes == [0]
    assert len(hub.streams["child"]) == len(hub.streams["parent"]) == 20


def test_a_child_uses_an_asynchronous_store_of_its_parent_with_threads_of_its_own(hub: FakeHub) -> None:
    async def store_one(stream: str) -> None:
        [stored] = await store.publish([event("1")], stream=stream)
        assert stored.stream == stream

    store = AsyncEventStore(hub.url)
    asyncio.run(store_one("parent"))

    code = in_a_child(lambda: asyncio.run(store_one("child")))

    asyncio.run(store_one("parent"))
    asyncio.run(store.aclose())
    assert code == 0
    assert {*hub.streams} == {"parent", "child"}


def test_a_token_requested_by_a_thread_of_the_parent_is_requested_again(hub: FakeHub) -> None:
    asked, go = threading.Event(), threading.Event()
    slow = [True]

    def token() -> str:
        if slow.pop() if slow else False:
            asked.set()
            go.wait(20)
        return "abc"

    with EventStore(hub.url, credentials=Bearer(token)) as store:
        asking = threading.Thread(target=lambda: store.publish([event("1")], stream="parent"))
        asking.start()
        assert asked.wait(20)

        def publish() -> None:
            store.publish([event("2")], stream="child")

        code = in_a_child(publish)
        go.set()
        asking.join()
    assert code == 0


def test_a_subscription_opened_before_a_fork_belongs_to_the_parent(
    live_hub: FakeWebSocketHub, live_store: EventStore
) -> None:
    with live_store.subscribe() as subscription:

        def use() -> None:
            with pytest.raises(WrongProcess, match="the subscription belongs to process"), subscription:
                next(subscription)

        assert in_a_child(use) == 0
        live_hub.publish("a")
        assert next(subscription).sequence == 1
    assert live_hub.connected == 1


def test_a_worker_opened_before_a_fork_belongs_to_the_parent(
    live_hub: FakeWebSocketHub, live_store: EventStore
) -> None:
    def run() -> None:
        with pytest.raises(WrongProcess, match="the worker of 'workers' belongs to process"), worker:
            worker.run(lambda _: None)

    with live_store.work("workers") as worker:
        assert in_a_child(run) == 0
    assert live_hub.connected == 0


def test_a_handler_that_forks_leaves_the_connection_to_the_parent(
    live_hub: FakeWebSocketHub, live_store: EventStore
) -> None:
    recorded = event("1") | {"hubstream": "a", "hubsequence": "1", "hubtime": "2026-01-05T09:00:00Z"}
    frame = {"type": "events", "partition": 1, "frame": 2, "cursor": "c2", "events": [recorded]}
    live_hub.shares.append([OWNED, frame])
    codes: list[int] = []

    def handle(_: Recorded) -> None:
        if child := os.fork():
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    with live_store.work("workers") as worker:

        def react(_: dict[str, Any]) -> Sequence[dict[str, Any]]:
            worker.close()
            return []

        live_hub.react = react
        try:
            worker.run(handle)
        except WrongProcess:
            os._exit(7)
        except BaseException:  # noqa: BLE001 - the child never goes on with the tests
            os._exit(8)
    assert codes == [7]
    assert [(command["action"], command["cursor"]) for command in live_hub.commands] == [("ack", "c2")]
    assert live_hub.connected == 1
