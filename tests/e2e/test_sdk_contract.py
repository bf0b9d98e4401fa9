"""The calls of the SDK that query and administer a hub, on every endpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from eventstore_client import (
    Conflict,
    Gone,
    NotFound,
    Park,
    Retention,
    Stored,
    WrongExpectedVersion,
    WrongVersion,
)
from tests.e2e.dev.conftest import wait_until
from tests.e2e.hubs import ON_EVERY_FACE, OVER_EITHER
from tests.e2e.live import event

if TYPE_CHECKING:
    from eventstore_client import Recorded
    from tests.e2e.hubs import Hub


def park_one(hub: Hub, subscription: str) -> None:
    """Join a durable subscription, and park the first event."""

    def park(_: Recorded) -> None:
        worker.close()
        raise Park("card declined")

    with hub.client() as store:
        with store.work(subscription, patience=30) as worker:
            worker.run(park)
        wait_until(
            lambda: any(store.dead_letters.list(subscription=subscription)), what="the parked stream", seconds=30
        )


@OVER_EITHER
def test_streams_are_created_changed_listed_and_deleted(hub: Hub, face: str) -> None:
    with hub.client(face=face) as store:
        created = store.streams.create("metrics", max_age=timedelta(hours=1), labels={"team": "blue"})
        store.publish([event(1, stream="metrics")], stream="metrics")
        read = store.streams.get("metrics")
        changed = store.streams.change("metrics", max_age=None, max_events=9, expected=read.etag)

        assert created.retention == Retention(max_age=timedelta(hours=1))
        assert (changed.head, changed.retention, dict(changed.labels)) == (1, Retention(max_events=9), {"team": "blue"})
        with pytest.raises(WrongExpectedVersion):
            store.streams.change("metrics", max_events=8, expected=read.etag)
        with pytest.raises(Conflict):
            store.streams.create("metrics")
        assert [stream.name for stream in store.streams.list(prefix="met", page=1)] == ["metrics"]
        with pytest.raises(WrongExpectedVersion):
            store.streams.delete("metrics", expected=7)
        store.streams.delete("metrics", expected=1, permanent=True)
        with pytest.raises(Gone):
            store.streams.get("metrics")


@OVER_EITHER
def test_events_of_any_number_are_published_searched_and_found(hub: Hub, face: str) -> None:
    positions: list[Stored] = []
    with hub.client(face=face) as store:
        stored = store.publish_all((event(n) for n in range(1, 1_501)), on_stored=positions.extend)
        [made] = store.publish([{"specversion": "1.0", "source": "/s", "type": "t.made"}], stream="other")

        assert (stored, len(positions)) == (1_500, 1_500)
        assert [found.id for found in store.search(stream="wf-1", page=700)] == [str(n) for n in range(1, 1_501)]
        search = store.search(type="t.made")
        assert [found.id for found in search] == [made.id]
        assert list(store.search(cursor=search.cursor)) == []
        with store.subscribe(cursor=search.cursor) as subscription:
            store.publish([event(1_501)])
            assert next(subscription).id == "1501"
        assert store.get(made.id, source="/s").stream == "other"
        assert [found.id for found in store.read("wf-1", start=1_499, direction="backwards")] == [
            "1501",
            "1500",
            "1499",
        ]
        with pytest.raises(NotFound):
            store.get("nobody")


@OVER_EITHER
def test_durable_subscriptions_are_created_changed_replayed_and_deleted(hub: Hub, face: str) -> None:
    with hub.client(face=face) as store, hub.client() as other:
        named = other.filters.put("tasks", [{"prefix": {"type": "t"}}])
        store.subscriptions.create("workers", filter_name="tasks", start="start", ack_deadline=60)
        status = store.subscriptions.get("workers")
        changed = store.subscriptions.change("workers", max_attempts=2, expected=status.definition.etag)

        assert (changed.max_attempts, changed.ack_deadline) == (2, timedelta(minutes=1))
        with pytest.raises(WrongVersion):
            store.subscriptions.change("workers", max_attempts=3, expected=status.definition.etag)
        with pytest.raises(Conflict):
            other.filters.delete("tasks")
        assert [found.name for found in store.subscriptions.list()] == ["workers"]
        assert store.subscriptions.replay("workers", since=datetime(2020, 1, 1, tzinfo=UTC))
        assert [summary.name for summary in store.stats().subscriptions] == ["workers"]
        store.subscriptions.delete("workers", expected=changed.etag)
        with pytest.raises(NotFound):
            store.subscriptions.get("workers")
        other.filters.delete("tasks", expected=named.etag)
        assert list(other.filters.list()) == []


@OVER_EITHER
def test_parked_streams_are_shown_redriven_and_purged(hub: Hub, face: str) -> None:
    with hub.client(face=face) as store:
        store.subscriptions.create("workers", start="start")
        store.publish([event(1), event(2)])
        park_one(hub, "workers")

        letter = store.dead_letters.get("workers", "wf-1")
        assert (letter.sequence, letter.errors) == (1, ("card declined",))
        assert letter.event is not None
        assert letter.event.id == "1"
        assert store.dead_letters.redrive("workers", how="skip") == ("wf-1",)
        wait_until(lambda: not list(store.dead_letters.list()), what="the redrive", seconds=30)
        park_one(hub, "workers")
        assert store.dead_letters.get("workers", "wf-1").sequence == 2
        assert store.dead_letters.purge("workers", stream="wf-1") == ("wf-1",)
        wait_until(lambda: not list(store.dead_letters.list()), what="the purge", seconds=30)
        with pytest.raises(NotFound):
            store.dead_letters.redrive("workers")


@ON_EVERY_FACE
def test_connections_are_listed_and_closed(hub: Hub, face: str) -> None:
    with hub.client(face=face) as store, store.subscribe(filters=[{"exact": {"type": "t.a"}}]) as subscription:
        [connection] = store.open_connections.list()
        [open_subscription] = connection.subscriptions
        assert open_subscription.filters == ({"exact": {"type": "t.a"}},)

        store.open_connections.close(connection.id)

        store.publish([event(1, type="t.a")])
        assert next(subscription).id == "1"
        assert connection.id not in {other.id for other in store.open_connections.list()}


def test_the_command_line_administers_the_hub(hub: Hub) -> None:
    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "eventstore_client", *arguments]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **hub.environment}
        return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout

    run("publish", json.dumps(event(1)))
    run("subscriptions", "create", "workers", "--from", "start")

    assert json.loads(run("search", "--count", "1"))["id"] == "1"
    assert json.loads(run("get", "1"))["hubstream"] == "wf-1"
    assert [stream["id"] for stream in json.loads(run("streams", "list", "--output", "json"))] == ["wf-1"]
    assert json.loads(run("subscriptions", "show", "workers", "--output", "json"))["members"] == []
    assert "workers" in run("stats")
