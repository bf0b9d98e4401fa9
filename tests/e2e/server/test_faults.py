"""Instances that die, hang and stop, and a store that does: nothing is lost, order holds, and others take over."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from eventstore_client.backoff import Backoff
from tests.e2e.dev.conftest import wait_until
from tests.e2e.live import SECONDS, Client, Following, Hole, event, feed, publish
from tests.e2e.server.states import farewell_of, finished, listed, owned_by
from tests.e2e.server.workers import STREAMS, Handled, working
from tests.e2e.test_durable import Rest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.e2e.servers import Instance, ServerHub

pytestmark = pytest.mark.needs("instances")

_EACH = 15
_ALL = len(STREAMS) * _EACH

_HANDOVER_SECONDS = 15.0
"""Within which others have taken over, and handled what was left (docs/server.md, "How long a takeover takes").

An instance is dead after 5 seconds without a heartbeat, and a lease ends 6 seconds after it was renewed.
"""


def events() -> list[dict[str, object]]:
    return [event(f"{stream}-{n}", stream=stream) for n in range(1, _EACH + 1) for stream in STREAMS]


def follow(hubs: Sequence[ServerHub], following: Following, done: Callable[[], object]) -> None:
    """Follow until a condition holds; after each loss resume on the next instance."""
    number = 0
    while not done():
        number += 1
        try:
            with Client(hubs[number % len(hubs)]) as client:
                answer = client.subscribe(into=following, **({} if following.start else {"from": "start"}))
                if answer.get("type") == "subscribed":
                    assert answer["recovery"] == "complete"
                    client.until(done)
        except (ConnectionClosed, InvalidHandshake, InvalidMessage, Hole, OSError):
            continue


def in_order(following: Following) -> bool:
    """Whether every event was handled once, and those of each stream in order."""
    own = {stream: [e["hubsequence"] for e in following.events if e["hubstream"] == stream] for stream in STREAMS}
    return all(sequences == [str(n) for n in range(1, _EACH + 1)] for sequences in own.values())


def kill(instance: Instance) -> None:
    instance.kill()


def hang(instance: Instance) -> None:
    instance.pause()


@pytest.mark.parametrize("strike", [kill, hang])
def test_others_take_over_the_partitions_and_members_of_an_instance(
    hubs: Sequence[ServerHub], strike: Callable[[Instance], None]
) -> None:
    *others, struck = hubs
    rest, handled = Rest(others[0]), Handled()
    reached = threading.Event()

    def wait(worker: int) -> None:
        """Handle some events on each instance before the strike, and some after it."""
        if len(handled.events) >= _ALL // 3 and {2} < handled.workers | {worker}:
            reached.set()

    handled.before = wait
    assert rest.call("POST", "subscriptions", **{"id": "workers", "from": "start"})[0] == 201
    with working(hubs, "workers", handled):
        rest.until("subscriptions/workers", owned_by(3))
        with others[1].client(backoff=Backoff(patience=60)) as store, feed(store, events(), at_once=4):
            assert reached.wait(SECONDS)
            strike(struck.instance)
            struck_at = time.monotonic()
        status = rest.until("subscriptions/workers", lambda body: finished(body) and owned_by(2)(body))
        taken = time.monotonic() - struck_at
        struck.instance.resume()
    assert status["parked"] == 0
    assert {2} < handled.workers
    for stream in STREAMS:
        assert handled.first_times(stream) == list(range(1, _EACH + 1))
    # Publishing is a part of it. Without a handover it would wait for the deadline of an acknowledgement, 30 seconds.
    assert taken < _HANDOVER_SECONDS


def test_clients_of_an_instance_that_hung_are_asked_to_connect_again(hubs: Sequence[ServerHub]) -> None:
    hung, other, _ = hubs
    following = Following()
    with Client(hung) as client:
        client.subscribe(into=following)
        publish(other, event(1))
        client.until_events(1)
        hung.instance.pause()
        wait_until(lambda: listed(other) == set(), what="the others take it for dead", seconds=SECONDS)
        publish(other, event(2))
        hung.instance.resume()
        assert farewell_of(client) == ("going-away", 1001)
    with Client(other) as client:
        assert client.subscribe(into=following)["recovery"] == "complete"
        publish(hung, event(3))
        client.until_events(3)
    assert following.ids == ["1", "2", "3"]


def test_the_members_of_an_instance_that_hung_get_nothing_that_others_have_got(hubs: Sequence[ServerHub]) -> None:
    hung, other, _ = hubs
    rest = Rest(other)
    # Nobody here releases a partition that is revoked: the deadline does.
    rules: dict[str, Any] = {"id": "workers", "from": "start", "ack_deadline": 2}
    assert rest.call("POST", "subscriptions", **rules)[0] == 201
    with Client(hung) as late, Client(other) as member:
        for client in (late, member):
            client.send({"action": "subscribe", "id": "w", "subscription": "workers"})
        rest.until("subscriptions/workers", owned_by(2))
        hung.instance.pause()
        publish(other, *(event("1", stream=stream) for stream in STREAMS))
        rest.until("subscriptions/workers", owned_by(1))
        hung.instance.resume()
        received = [late.receive()]
        while received[-1]["type"] != "error":
            received.append(late.receive())
    assert received[-1]["code"] == "going-away"
    assert "events" not in {said["type"] for said in received}


def test_an_instance_that_stops_closes_connections_with_a_reason_and_ends(hubs: Sequence[ServerHub]) -> None:
    stopped, other, _ = hubs
    following = Following()
    with Client(stopped) as client, other.client() as store:
        client.subscribe(into=following)
        with feed(store, [event(n) for n in range(1, 61)]):
            client.until_events(10)
            stopped.instance.process.send_signal(signal.SIGTERM)
            assert farewell_of(client) == ("going-away", 1001)
    with Client(other) as client:
        assert client.subscribe(into=following)["recovery"] == "complete"
        client.until_events(60)
    assert following.ids == [str(n) for n in range(1, 61)]
    assert stopped.instance.process.wait(SECONDS) == 0


def test_the_members_of_an_instance_that_stops_lose_no_event_and_no_attempt(hubs: Sequence[ServerHub]) -> None:
    stopped, *others = hubs
    rest = Rest(others[0])
    rules: dict[str, Any] = {"id": "once", "from": "start", "max_attempts": 1, "stream": ["wf-1"]}
    assert rest.call("POST", "subscriptions", **rules)[0] == 201
    publish(others[0], event(1))
    with Client(stopped) as client:
        client.send({"action": "subscribe", "id": "w", "subscription": "once"})
        rest.until("subscriptions/once", lambda body: body["in_flight"] == 1)
        stopped.instance.process.send_signal(signal.SIGTERM)
        rest.until("subscriptions/once", lambda body: not body["members"])
    handled = Handled()
    with working(others, "once", handled):
        status = rest.until("subscriptions/once", finished)
    assert (status["parked"], handled.first_times("wf-1")) == (0, [1])


def test_the_connections_of_an_instance_that_died_are_removed(hubs: Sequence[ServerHub]) -> None:
    *others, dead = hubs
    with Client(others[0]) as client:
        client.subscribe()
        [kept] = listed(others[1])
        with Client(dead) as lost:
            lost.subscribe()
            assert len(listed(others[1])) == 2
            dead.instance.kill()
            wait_until(lambda: listed(others[1]) == {kept}, what="they are removed", seconds=SECONDS)


def test_subscribers_outlast_a_store_that_crashes(hubs: Sequence[ServerHub]) -> None:
    following = Following()
    strikes = [_ALL // 4, _ALL // 2]

    def done() -> bool:
        if strikes and len(following.events) >= strikes[0]:
            strikes.pop(0)
            hubs[0].valkey.kill()
            hubs[0].valkey.restart()
        return len(following.events) >= _ALL

    with hubs[2].client(backoff=Backoff(patience=60)) as store, feed(store, events(), at_once=4):
        follow(hubs, following, done)
    assert in_order(following)


@pytest.mark.needs("losable-events")
def test_after_a_flush_subscribers_are_informed_and_all_instances_work_on(hubs: Sequence[ServerHub]) -> None:
    followings = [Following() for _ in hubs]
    clients = [Client(hub) for hub in hubs]
    for client, following in zip(clients, followings, strict=True):
        client.subscribe(into=following, stream="wf-1")
    publish(hubs[0], event("lost"))
    for client in clients:
        client.until_events(1)
    with Redis.from_url(hubs[0].valkey.url) as redis:
        redis.flushall()
    publish(hubs[1], event("new"))
    for client in clients:
        with client:
            # An instance may find first that the store has lost messages to it.
            assert farewell_of(client) in {("store-reset", 1001), ("going-away", 1001)}
    for hub, following in zip(hubs, followings, strict=True):
        with Client(hub) as client:
            assert client.subscribe(into=following, stream="wf-1")["recovery"] == "new-epoch"
            assert client.until_events(2)[-1]["id"] == "new"
    rest, handled = Rest(hubs[2]), Handled()
    assert rest.call("POST", "subscriptions", **{"id": "workers", "from": "start"})[0] == 201
    with working(hubs, "workers", handled):
        rest.until("subscriptions/workers", owned_by(3))
        publish(hubs[0], *(event("again", stream=stream) for stream in STREAMS))
        rest.until("subscriptions/workers", finished)
    assert {stream for stream, _, _ in handled.events} == set(STREAMS)
