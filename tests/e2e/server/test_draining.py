"""SIGTERM: an instance is not ready first, then lets clients resume elsewhere, and leaves, within 10 s."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import urllib3
from redis import Redis
from websockets.exceptions import ConnectionClosed

from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.instances import RedisInstances
from eventstore.adapters.redis.keys import turn_keys
from tests.e2e.dev.conftest import wait_until
from tests.e2e.live import Client, Following, event, publish
from tests.scrapes import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_hosting.valkey import ValkeyServer
    from tests.e2e.server.conftest import Start
    from tests.e2e.servers import ServerHub

_NOTICE = {"NOTICE_SECONDS": "5"}
_PARTITIONS = 16


def terminate(hub: ServerHub) -> None:
    hub.instance.process.send_signal(signal.SIGTERM)


def unready_because(hub: ServerHub) -> str:
    response = hub.call("GET", "/health/ready")
    status: str = response.json()["status"]
    assert (response.status == 200) == (status == "ok")
    return status


def test_an_instance_is_not_ready_before_it_refuses_anything(start: Start) -> None:
    with start(_NOTICE) as hub:
        assert unready_because(hub) == "ok"
        terminate(hub)
        wait_until(lambda: unready_because(hub) == "draining", what="readiness")
        publish(hub, event("n1", stream="notice"))
        assert hub.call("GET", "/health/live").status == 200
        assert hub.instance.process.wait(30) == 0


def test_clients_get_the_reason_and_resume_on_another_instance(start: Start) -> None:
    following = Following()
    with start() as first, start() as second:
        with Client(first) as client:
            client.subscribe(into=following, stream=["drained"])
            publish(first, event("d1", stream="drained"))
            client.until_events(1)
            terminate(first)
            # The reason comes as a message, then as that of the close frame.
            client.until(lambda: client._answers)
            assert client._answers.pop()["code"] == "going-away"
            with pytest.raises(ConnectionClosed) as closed:
                client.until(lambda: False)
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason[:11]) == (1001, "going-away:")
        assert first.instance.process.wait(30) == 0
        publish(second, event("d2", stream="drained"))
        with Client(second) as client:
            client.subscribe(into=following, stream=["drained"])
            assert [one["id"] for one in client.until_events(2)] == ["d1", "d2"]


@contextmanager
def long_poll(hub: ServerHub, *, seconds: int) -> Iterator[list[int | None]]:
    """Begin a request that takes so long, and have its status when the block ends; None if it was cut off."""
    statuses: list[int | None] = []

    def poll() -> None:
        try:
            headers = {"Prefer": f"wait={seconds}"}
            statuses.append(hub.call("GET", "/api/v1/streams/polled/events?from=100", headers=headers).status)
        except urllib3.exceptions.HTTPError:
            statuses.append(None)

    publish(hub, event("p1", stream="polled"))
    thread = threading.Thread(target=poll)
    thread.start()
    try:
        # The other one is the scrape.
        wait_until(lambda: value(hub, "eventstore_http_requests_in_flight") == 2, what="the request")
        yield statuses
    finally:
        thread.join()


def value(hub: ServerHub, name: str) -> float:
    return parsed(hub.call("GET", "/metrics").data.decode())[name,]


def test_a_request_in_flight_is_answered(start: Start) -> None:
    with start() as hub:
        with long_poll(hub, seconds=3) as statuses:
            terminate(hub)
            assert hub.instance.process.wait(30) == 0
        assert statuses == [200]


def test_leases_are_released_and_the_instance_leaves(start: Start, store: ValkeyServer) -> None:
    with start() as hub, start() as other, Redis.from_url(store.url) as redis:
        publish(hub, *(event(f"l{number}", stream=f"lease-{number}") for number in range(100)))
        wait_until(lambda: _held(redis, hub), what="a lease")
        terminate(hub)
        assert hub.instance.process.wait(30) == 0
        # Nobody has to wait for a lease to end, or for an instance to be taken for dead.
        assert not _held(redis, hub)
        client = connect(store.url)
        instances = RedisInstances(client, reader=client, alive_ms=1)
        assert _id_of(hub) not in instances.dead()
        client.close()
        wait_until(lambda: value(other, "eventstore_partitions_owned") == _PARTITIONS, what="the partitions")


def _held(redis: Redis, hub: ServerHub) -> set[int]:
    """The partitions that an instance leases."""
    seconds, micros = redis.time()
    now = seconds * 1000 + micros // 1000
    return {
        number
        for number in range(_PARTITIONS)
        if _dispatcher(redis, number) == _id_of(hub) and int(redis.hget(turn_keys(number).turn, "lease") or 0) > now
    }


def _dispatcher(redis: Redis, number: int) -> str:
    return (redis.hget(turn_keys(number).turn, "dispatcher") or b"").decode()


def _id_of(hub: ServerHub) -> str:
    if hub.url not in _IDS:
        [info] = [key for key in parsed(hub.call("GET", "/metrics").data.decode()) if key[0] == "eventstore_info"]
        _IDS[hub.url] = dict(info[1:])["instance"]  # type: ignore[arg-type]
    return _IDS[hub.url]


_IDS: dict[str, str] = {}


def test_a_store_that_does_not_answer_and_a_request_that_takes_longer_hold_it_up_for_10_s_at_most(
    start: Start, store: ValkeyServer
) -> None:
    with start() as hub, long_poll(hub, seconds=20):
        os.kill(store.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            terminate(hub)
            assert hub.instance.process.wait(30) == 0
            # Some seconds are for a machine that is busy. Without a limit it is more than 20.
            assert time.monotonic() - began < 15
        finally:
            os.kill(store.pid, signal.SIGCONT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(start: Start, number: signal.Signals) -> None:
    with start(_NOTICE) as hub:
        terminate(hub)
        wait_until(lambda: unready_because(hub) == "draining", what="readiness")
        hub.instance.process.send_signal(number)
        assert hub.instance.process.wait(30) == 128 + number
