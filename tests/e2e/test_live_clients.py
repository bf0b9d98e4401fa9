"""The SDK and the command line against the whole hub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from botocore.credentials import Credentials as Keys
from redis import Redis

from eventstore_client import ApiKey, AwsIam, Bearer, HistoryLost, Retry
from tests.e2e.live import event, feed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_client import Credentials, Recorded
    from tests.e2e.hubs import Hub


class Session:
    def get_credentials(self) -> Keys:
        return Keys("AKIDEXAMPLE", "secret", "token")


def test_the_sdk_returns_stored_events_and_then_new_ones(hub: Hub) -> None:
    events = [event(n, type="t.a" if n % 2 else "t.b") for n in range(1, 101)]
    with hub.client() as store, hub.client() as publisher:
        publisher.publish(events[:50])
        with (
            feed(publisher, events[50:]),
            store.subscribe(filters=[{"exact": {"type": "t.a"}}], stream="wf-1", start="start") as subscription,
        ):
            assert [next(subscription).sequence for _ in range(50)] == list(range(1, 101, 2))


def test_the_sdk_resumes_from_its_cursor(hub: Hub) -> None:
    with hub.client() as store:
        with store.subscribe() as subscription:
            store.publish([event(1), event(2, stream="wf-2")])
            assert sorted(next(subscription).id for _ in range(2)) == ["1", "2"]
            cursor = subscription.handled()
        store.publish([event(3)])
        with store.subscribe(cursor=cursor) as subscription:
            assert next(subscription).id == "3"


@pytest.mark.parametrize("own_id", ["1", pytest.param("é/1", marks=pytest.mark.needs("slashes"))])
def test_the_sdk_returns_events_that_exceed_a_frame_whole(hub: Hub, own_id: str) -> None:
    large = {"large": "x" * 100_000}
    with hub.client() as store, store.subscribe() as subscription:
        store.publish([event(own_id, data=large), event(2)])
        events = [next(subscription), next(subscription)]
    assert [(event.sequence, event.data) for event in events] == [(1, large), (2, None)]


@pytest.mark.needs("open-doors")
@pytest.mark.parametrize("credentials", [Bearer("a.b.c"), ApiKey("key"), AwsIam(region="eu-west-1", session=Session())])
def test_a_hub_without_authentication_accepts_a_credential(hub: Hub, credentials: Credentials) -> None:
    with hub.client(credentials=credentials) as store, store.subscribe() as subscription:
        store.publish([event(1)])
        assert next(subscription).id == "1"


def test_the_sdk_works_through_a_durable_subscription(hub: Hub) -> None:
    body, media_type = b'{"id":"workers","from":"start"}', {"Content-Type": "application/json"}
    made = hub.call("POST", "/api/v1/subscriptions", body=body, headers=media_type)
    assert made.status == 201, made.data
    handled: list[str] = []
    with hub.client() as store, store.work("workers") as worker:
        store.publish([event(number) for number in range(1, 11)])

        def handle(event: Recorded) -> None:
            if event.id == "3" and worker.attempt == 1:
                raise Retry("not yet", delay=0)
            handled.append(event.id)
            if len(handled) == 10:
                worker.close()

        worker.run(handle)
    assert handled == [str(number) for number in range(1, 11)]


@pytest.mark.needs("losable-events")
def test_the_sdk_reports_a_store_reset(hub: Hub) -> None:
    with hub.client() as store:
        with store.subscribe() as subscription:
            cursor = subscription.cursor
        with Redis.from_url(hub.valkey.url) as redis:
            redis.flushall()
        store.publish([event("new")])
        with store.subscribe(cursor=cursor) as subscription, pytest.raises(HistoryLost) as lost:
            next(subscription)
        assert lost.value.loss.renewed == tuple(range(16))
        with store.subscribe(cursor=lost.value.cursor) as subscription:
            assert next(subscription).id == "new"


@pytest.mark.needs("losable-events")
def test_the_sdk_detects_a_store_reset_on_an_open_connection(hub: Hub) -> None:
    with hub.client() as store, store.subscribe(ping_every=0.1) as subscription:
        with Redis.from_url(hub.valkey.url) as redis:
            redis.flushall()
        with pytest.raises(HistoryLost) as lost:
            next(subscription)
    assert lost.value.loss.renewed == tuple(range(16))


@pytest.mark.needs("kept-events")
def test_an_open_subscription_goes_on_when_a_store_with_a_journal_was_lost(hub: Hub) -> None:
    with hub.client() as store, store.subscribe(ping_every=0.1) as subscription:
        store.publish([event(1)])
        assert next(subscription).sequence == 1
        for number in (2, 3):
            with Redis.from_url(hub.valkey.url) as redis:
                redis.flushall()
            store.publish([event(number)])
            assert next(subscription).sequence == number


def test_closing_ends_an_iteration_that_waits(hub: Hub) -> None:
    received = []
    with hub.client() as store, store.subscribe() as subscription:
        first = threading.Event()

        def follow() -> None:
            for event in subscription:
                received.append(event.id)
                first.set()

        thread = threading.Thread(target=follow)
        thread.start()
        store.publish([event(1)])
        assert first.wait(60)
        subscription.close()
        thread.join()
    assert received == ["1"]


@contextmanager
def subscribing(hub: Hub, *options: str) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | hub.environment | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "eventstore_client", "subscribe", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_command_prints_events_as_they_arrive_and_ends_after_the_given_count(hub: Hub) -> None:
    with hub.client() as store:
        store.publish([event(1, type="t.a"), event(2, type="u")])
        with subscribing(hub, "--from", "start", "--type", "t.*", "--count", "2") as process:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["id"] == "1"
            store.publish([event(3, type="u"), event(4, type="t.b")])
            rest, said = process.communicate(timeout=60)
        assert [json.loads(line)["id"] for line in rest.splitlines()] == ["4"]
        assert process.returncode == 0
        store.publish([event(5, type="t.c")])
        cursor = said.split("--cursor ")[1].strip()
        with subscribing(hub, "--cursor", cursor, "--count", "1") as process:
            rest, _ = process.communicate(timeout=60)
        assert json.loads(rest)["id"] == "5"
