"""The hub of the plugin: what it is between tests, what it shows of events, and its faults."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from websockets.sync.client import connect

from eventstore_client import Backoff, ConnectFailed, EventStore, HistoryLost, Retry
from eventstore_testing import EventstoreHub, HubFailed, NoSuchEvent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from websockets.sync.client import ClientConnection

    from eventstore_client import Recorded


def event(event_id: str, **attributes: object) -> dict[str, object]:
    return {"specversion": "1.0", "id": event_id, "source": "/shop", "type": "order.placed", **attributes}


@pytest.fixture
def hub(eventstore_hub: EventstoreHub) -> EventstoreHub:
    return eventstore_hub


@pytest.fixture
def store(hub: EventstoreHub) -> Iterator[EventStore]:
    with EventStore(hub.url) as store:
        yield store


def test_a_reset_leaves_neither_events_nor_subscriptions(hub: EventstoreHub, store: EventStore) -> None:
    store.publish([event("1")], stream="order-1")
    hub.process.call("reset")

    assert hub.events() == []
    assert store.publish([event("2")], stream="order-1")[0].sequence == 1


def test_the_address_is_the_same_after_a_reset(hub: EventstoreHub) -> None:
    before = hub.process.ports

    hub.reset()

    with EventStore(f"http://127.0.0.1:{before[0]}") as store:
        assert store.health()["status"] == "ok"


def test_a_subscriber_of_the_test_before_receives_nothing_of_the_next(hub: EventstoreHub) -> None:
    with EventStore(hub.url) as before, before.subscribe(start="start") as subscription:
        before.publish([event("old")])
        assert next(subscription).id == "old"
        hub.reset()
        with EventStore(hub.url) as after:
            after.publish([event("new")])
            assert hub.await_event("order.placed")["id"] == "new"
        with pytest.raises(HistoryLost):
            next(subscription)


def test_an_event_that_is_stored_already_is_returned(hub: EventstoreHub, store: EventStore) -> None:
    store.publish([event("1", subject="a"), event("2", subject="b")], stream="order-1")

    found = hub.await_event("order.*", subject="b")

    assert found["id"] == "2"
    assert (found["hubstream"], found["hubsequence"]) == ("order-1", "2")


def test_an_event_that_comes_later_is_awaited(hub: EventstoreHub, store: EventStore) -> None:
    publisher = threading.Timer(0.2, store.publish, [[event("1", type="order.shipped")]])
    publisher.start()

    assert hub.await_event("order.shipped")["id"] == "1"

    publisher.join()


def test_several_events_are_awaited_in_the_order_of_their_stream(hub: EventstoreHub, store: EventStore) -> None:
    store.publish([event(str(number)) for number in range(5)], stream="order-1")

    found = hub.await_events(2, "order.placed", stream="order-1", where=lambda found: int(found["id"]) % 2 == 1)

    assert [each["id"] for each in found] == ["1", "3"]


def test_who_waits_in_vain_is_shown_what_there_is(hub: EventstoreHub, store: EventStore) -> None:
    store.publish([event("1")], stream="order-1")

    with pytest.raises(NoSuchEvent) as failure:
        hub.await_event("order.shipped", timeout=timedelta(milliseconds=100))

    assert str(failure.value) == (
        "0 of 1 events with type 'order.shipped' within 0.1 s; the hub has order.placed (order-1, 1)"
    )


def test_a_parameter_that_the_hub_does_not_know_is_named(hub: EventstoreHub) -> None:
    with pytest.raises(ValueError, match="colour"):
        hub.await_event("order.shipped", colour="red")
    with pytest.raises(ValueError, match="colour"):
        hub.events(colour="red")


def test_a_subscription_goes_on_after_its_connection_was_cut(hub: EventstoreHub, store: EventStore) -> None:
    with store.subscribe(stream="order-1", start="start") as subscription:
        store.publish([event("1")], stream="order-1")
        assert next(subscription).id == "1"

        assert hub.cut_connections() > 0
        store.publish([event("2")], stream="order-1")

        assert next(subscription).id == "2"


def test_a_hub_that_was_away_has_its_events(hub: EventstoreHub, store: EventStore) -> None:
    store.publish([event("1")], stream="order-1")

    with hub.outage(), EventStore(hub.url, backoff=Backoff(patience=0)) as impatient, pytest.raises(ConnectFailed):
        impatient.publish([event("2")], stream="order-1")

    assert [found["id"] for found in hub.events()] == ["1"]
    assert store.publish([event("2")], stream="order-1")[0].sequence == 2


def test_an_event_is_redelivered_when_the_clock_passes_its_deadline(hub: EventstoreHub, store: EventStore) -> None:
    store.subscriptions.create("charge", ack_deadline=600, start="start")
    store.publish([event("1")], stream="order-1")

    with connect(hub.websocket_url, subprotocols=[_V1], proxy=None) as member:
        member.send(json.dumps({"action": "subscribe", "id": "w", "subscription": "charge"}))
        received = next(_frames(member))
        hub.advance(timedelta(seconds=601))
        redelivered = next(_frames(member))

    assert "attempt" not in received
    assert (redelivered["attempt"], redelivered["events"]) == (2, received["events"])


def test_an_event_is_not_redelivered_before_its_deadline(hub: EventstoreHub, store: EventStore) -> None:
    store.subscriptions.create("charge", ack_deadline=600, start="start")
    store.publish([event("1")], stream="order-1")

    with connect(hub.websocket_url, subprotocols=[_V1], proxy=None) as member:
        member.send(json.dumps({"action": "subscribe", "id": "w", "subscription": "charge"}))
        received = next(_frames(member))
        hub.advance(timedelta(seconds=300))
        store.publish([event("2")], stream="order-1")
        following = next(_frames(member))

    assert ([each["id"] for each in received["events"]], [each["id"] for each in following["events"]]) == (["1"], ["2"])


def test_a_worker_retries_when_the_clock_passes_its_delay(hub: EventstoreHub, store: EventStore) -> None:
    store.subscriptions.create("charge", start="start")
    store.publish([event("1")], stream="order-1")
    failed, retried = threading.Event(), threading.Event()

    def handle(_: Recorded) -> None:
        if failed.is_set():
            retried.set()
            return
        failed.set()
        raise Retry("the bank does not answer", delay=300)

    with store.work("charge") as worker:
        running = threading.Thread(target=worker.run, args=[handle])
        running.start()
        assert failed.wait(10)
        # The delay begins when the hub has the answer of the worker.
        assert any(hub.advance(timedelta(seconds=301)) or retried.wait(0.1) for _ in range(100))
        worker.close()
        running.join()


def test_the_clock_moves_forward_only(hub: EventstoreHub) -> None:
    with pytest.raises(ValueError, match="forward only"):
        hub.advance(timedelta(seconds=-1))


def test_a_hub_that_has_ended_says_so() -> None:
    hub = EventstoreHub.start()
    hub.stop()
    hub.stop()

    with pytest.raises(HubFailed, match="the hub has ended"):
        hub.reset()


def test_the_environment_of_the_tests_does_not_configure_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://nowhere.example:1")
    monkeypatch.setenv("AUTH", "jwt")

    with EventstoreHub.start() as hub:
        assert hub.events() == []


def test_a_hub_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "eventstore_server.py").write_text("raise RuntimeError('no server here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")

    with pytest.raises(HubFailed, match="no server here"):
        EventstoreHub.start()


def test_a_hub_ends_when_the_process_that_started_it_is_killed() -> None:
    program = (
        "from eventstore_testing import EventstoreHub; hub = EventstoreHub.start(); "
        "print(hub.process.ports[0], flush=True); input()"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        with socket.create_connection(("127.0.0.1", int(process.stdout.readline())), timeout=10) as connection:
            process.kill()

            assert connection.recv(1) == b""


def _frames(member: ClientConnection) -> Iterator[dict[str, Any]]:
    """The frames of events that a member receives."""
    while True:
        message = json.loads(member.recv(timeout=10))
        if message["type"] == "events":
            yield message


_V1: Any = "eventstore.v1"
