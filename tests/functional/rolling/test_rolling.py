"""A rolling deployment: old and new functions share a store, and read what the other has written and sent."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis

from tests.functional.rest.api import cloudevent
from tests.functional.rolling.fleet import ROOT, Fleet, checked_out, is_known

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eventstore_hosting.valkey import ValkeyServer

_OLD = ["cd41fbc"]
"""Commits from which a rolling upgrade to this tree is supported: docs/operations.md, "Upgrading"."""

_BATCH = "application/cloudevents-batch+json"
_STREAMS = [f"wf-{number}" for number in range(5)]


@pytest.fixture(scope="module", params=_OLD)
def old(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not is_known(request.param):
        pytest.skip(f"the history that is here does not go back to {request.param}")
    return checked_out(request.param, tmp_path_factory.mktemp("old"))


@pytest.fixture(params=range(4))
def fleet(request: pytest.FixtureRequest, old: Path, valkey: ValkeyServer) -> Iterator[Fleet]:
    with Redis.from_url(valkey.url) as store:
        store.flushall()
    with Fleet.of(Random(request.param), valkey.url, old, ROOT) as fleet:
        yield fleet


def publish(fleet: Fleet, stream: str, *ids: str) -> None:
    fleet.rest("POST", f"/api/v1/events?stream={stream}", [cloudevent(name) for name in ids], media=_BATCH)


def per_stream(messages: list[dict[str, Any]]) -> dict[str, list[int]]:
    """The received sequences of each stream, with repetitions."""
    sequences: dict[str, list[int]] = {}
    for message in messages:
        for event in message.get("events", ()):
            sequences.setdefault(event["hubstream"], []).append(int(event["hubsequence"]))
    return sequences


def all_in_order(sequences: list[int], count: int) -> bool:
    """Whether all sequences were received, first in order; repetitions are allowed."""
    return list(dict.fromkeys(sequences)) == list(range(1, count + 1))


def test_subscribers_get_everything_in_order(fleet: Fleet) -> None:
    fleet.connect("c")
    publish(fleet, _STREAMS[0], "early")
    fleet.say("c", action="subscribe", id="s", **{"from": "start"})
    for number in range(40):
        publish(fleet, fleet.rng.choice(_STREAMS), f"{number}a", f"{number}b")
        if fleet.rng.random() < 0.5:
            fleet.settle()
    fleet.settle()
    came = per_stream(fleet.received["c"])
    heads = {stream["id"]: stream["head"] for stream in fleet.rest("GET", "/api/v1/streams")["streams"]}
    assert came.keys() == heads.keys()
    assert all(all_in_order(came[name], head) for name, head in heads.items())
    frames: dict[int, list[int]] = {}
    for message in fleet.received["c"]:
        if "frame" in message:
            frames.setdefault(message["partition"], []).append(message["frame"])
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in frames.values())


def test_each_version_reads_the_cursors_of_the_other(fleet: Fleet) -> None:
    for number in range(12):
        publish(fleet, fleet.rng.choice(_STREAMS), str(number))
    page = fleet.rest("GET", "/api/v1/events?limit=5")
    ids = [event["id"] for event in page["events"]]
    while page.get("next"):
        page = fleet.rest("GET", f"/api/v1/events?limit=5&cursor={page['next']}")
        ids += [event["id"] for event in page["events"]]
    assert sorted(map(int, ids)) == list(range(12))
    fleet.connect("c")
    fleet.say("c", action="subscribe", id="s", cursor=page["cursor"])
    publish(fleet, _STREAMS[0], "later")
    fleet.settle()
    assert [event["id"] for message in fleet.received["c"] for event in message.get("events", ())] == ["later"]


def test_members_of_durable_subscriptions_get_and_acknowledge_everything(fleet: Fleet) -> None:
    fleet.rest("POST", "/api/v1/subscriptions", {"id": "workers", "from": "start"})
    for name in ("a", "b"):
        fleet.connect(name)
        fleet.say(name, action="subscribe", id="w", subscription="workers")
    done: dict[str, int] = {}
    for number in range(40):
        publish(fleet, fleet.rng.choice(_STREAMS), str(number))
        if fleet.rng.random() < 0.5:
            fleet.settle()
        for name in ("a", "b"):
            done[name] = acknowledge(fleet, name, done.get(name, 0))
    for _ in range(5):
        fleet.settle()
        for name in ("a", "b"):
            done[name] = acknowledge(fleet, name, done.get(name, 0))
    came = per_stream(fleet.received.get("a", []) + fleet.received.get("b", []))
    heads = {stream["id"]: stream["head"] for stream in fleet.rest("GET", "/api/v1/streams")["streams"]}
    assert {name: set(sequences) for name, sequences in came.items()} == {
        name: set(range(1, head + 1)) for name, head in heads.items()
    }
    described = fleet.rest("GET", "/api/v1/subscriptions/workers")
    assert (described["lag"], described["in_flight"], described["parked"]) == (0, 0, 0)


def test_subscribers_of_either_version_are_served_where_nobody_subscribed_before(fleet: Fleet) -> None:
    for stream in _STREAMS:
        publish(fleet, stream, "early")
    fleet.settle(by=fleet.newest)
    for stream in _STREAMS:
        # The new version has noticed that nobody subscribes: appends need no wake-up.
        publish(fleet, stream, "unnoticed")
    assert not fleet.queues["bells"]
    fleet.connect("c")
    fleet.say("c", action="subscribe", id="s", **{"from": "start"})
    fleet.settle()
    for stream in _STREAMS:
        publish(fleet, stream, "late")
    fleet.settle()
    assert per_stream(fleet.received["c"]) == {stream: [1, 2, 3] for stream in _STREAMS}


def test_a_durable_subscription_of_either_version_is_served_where_nobody_subscribed_before(fleet: Fleet) -> None:
    for stream in _STREAMS:
        publish(fleet, stream, "early")
    fleet.settle(by=fleet.newest)
    fleet.rest("POST", "/api/v1/subscriptions", {"id": "workers", "from": "start"})
    fleet.connect("a")
    fleet.say("a", action="subscribe", id="w", subscription="workers")
    # If the old version created it and let its member join, the sweep makes up for the wake-up. (The sweep itself would
    # take the connections of these tests for expired.)
    fleet.queues["bells"] += [json.dumps({"partition": partition}) for partition in range(4)]
    fleet.settle()
    assert per_stream(fleet.received["a"]) == {stream: [1] for stream in _STREAMS}
    done = acknowledge(fleet, "a", 0)
    for stream in _STREAMS:
        publish(fleet, stream, "late")
    fleet.settle()
    acknowledge(fleet, "a", done)
    assert {stream: set(sequences) for stream, sequences in per_stream(fleet.received["a"]).items()} == {
        stream: {1, 2} for stream in _STREAMS
    }


def test_a_subscription_that_names_a_filter_is_served_and_changed_by_either(fleet: Fleet) -> None:
    ones, twos = [{"exact": {"subject": subject}} for subject in "12"]
    fleet.rest("PUT", "/api/v1/filters/chosen", {"filters": [ones]}, by=fleet.newest)
    fleet.rest("POST", "/api/v1/subscriptions", {"id": "workers", "filter_name": "chosen"}, by=fleet.newest)
    fleet.connect("a")
    fleet.say("a", action="subscribe", id="w", subscription="workers")
    fleet.settle()
    done = 0
    for subject, chosen in (("1", ones), ("2", twos)):
        fleet.rest("PUT", "/api/v1/filters/chosen", {"filters": [chosen]}, by=fleet.newest)
        fleet.settle()
        for stream in _STREAMS:
            events = [cloudevent(f"{chosen}-{number}", subject=number) for number in "12"]
            fleet.rest("POST", f"/api/v1/events?stream={stream}", events, media=_BATCH)
        fleet.settle()
        came = [event for message in fleet.received["a"][done:] for event in message.get("events", ())]
        assert [event["subject"] for event in came] == [subject] * len(_STREAMS)
        done = acknowledge(fleet, "a", done)
        fleet.settle()
    for _ in range(4):
        fleet.rest("PATCH", "/api/v1/subscriptions/workers", {"max_attempts": fleet.rng.randrange(2, 99)})
        fleet.sweep()
        fleet.settle()
    fleet.rest("PUT", "/api/v1/filters/chosen", {"filters": [ones]}, by=fleet.newest)
    fleet.settle()
    found = fleet.rest("GET", "/api/v1/subscriptions/workers", by=fleet.newest)
    assert (found["filter_name"], found["filters"]) == ("chosen", [])
    # The functions of an earlier release show the filter that it uses.
    shown = [fleet.rest("GET", "/api/v1/subscriptions/workers")["filters"] for _ in range(9)]
    assert {json.dumps(filters) for filters in shown} <= {"[]", json.dumps([ones])}


def acknowledge(fleet: Fleet, name: str, done: int) -> int:
    """Answer the messages of a member after the first `done`; return their total number."""
    messages = fleet.received.get(name, [])
    for message in messages[done:]:
        if message["type"] == "revoked":
            fleet.say(name, action="release", id="w", partition=message["partition"], frame=message["frame"])
        elif "cursor" in message and message["type"] in {"events", "truncated"}:
            fleet.say(name, action="ack", id="w", cursor=message["cursor"])
    return len(messages)


def test_each_version_reports_deletions_parking_and_replays_of_the_other(fleet: Fleet) -> None:
    fleet.rest("POST", "/api/v1/subscriptions", {"id": "workers", "from": "start"})
    fleet.connect("a")
    fleet.say("a", action="subscribe", id="w", subscription="workers")
    fleet.connect("c")
    fleet.say("c", action="subscribe", id="s")
    publish(fleet, "wf-0", "1", "2")
    publish(fleet, "wf-1", "1")
    fleet.settle()
    fleet.say("a", action="nack", id="w", stream="wf-0", sequence=1, park=True, reason="no")
    fleet.settle()
    assert [letter["stream"] for letter in fleet.rest("GET", "/api/v1/dead-letters")["dead_letters"]] == ["wf-0"]
    fleet.rest("POST", "/api/v1/dead-letters/redrive", {"subscription": "workers"})
    publish(fleet, "wf-2", "1", "2")
    fleet.rest("DELETE", "/api/v1/streams/wf-2")
    fleet.settle()
    fleet.rest("POST", "/api/v1/subscriptions/workers/replay", {"from": "start"})
    fleet.settle()
    acknowledge(fleet, "a", 0)
    fleet.settle()
    missing = [tuple(gap.values()) for gap_message in fleet.received["c"] for gap in gap_message.get("missing", ())]
    assert missing == [("wf-2", 1, 2)]
    owned = max(at for at, message in enumerate(fleet.received["a"]) if message["type"] == "owned")
    assert "events" in {message["type"] for message in fleet.received["a"][owned:]}
    fleet.sweep()
    fleet.settle()


def test_the_new_version_lists_and_closes_connections_of_both_and_the_old_removes_them(fleet: Fleet) -> None:
    fleet.rest("POST", "/api/v1/subscriptions", {"id": "workers", "from": "start"})
    names = [f"c{number}" for number in range(6)]
    for name in names:
        fleet.connect(name)
        fleet.say(name, action="subscribe", id="s")
        fleet.say(name, action="subscribe", id="w", subscription="workers")
    publish(fleet, "wf-0", "1")
    fleet.settle()
    connections = fleet.rest("GET", "/api/v1/connections", by=fleet.newest)["connections"]
    assert [(connection["id"], len(connection["subscriptions"])) for connection in connections] == [
        (name, 2) for name in names
    ]
    for name in names[1:]:
        fleet.rest("DELETE", f"/api/v1/connections/{name}", by=fleet.newest)
        fleet.settle()
    publish(fleet, "wf-1", "2")
    fleet.settle()
    for name in names[1:]:
        assert "2" not in [event["id"] for message in fleet.received[name] for event in message.get("events", ())]
        # The old functions remove the connection, and leave it open.
        assert fleet.received[name][-1]["type"] == "error" or name not in fleet.closed
    standing = fleet.rest("GET", "/api/v1/subscriptions/workers")
    assert [member["connection"] for member in standing["members"]] == names[:1]


def test_the_new_functions_close_connections_that_the_old_opened(fleet: Fleet) -> None:
    for name in ("a", "b"):
        fleet.connect(name)
        fleet.say(name, action="subscribe", id="s")
    fleet.settle()
    fleet.rest("DELETE", "/api/v1/connections/a", by=fleet.newest)
    fleet.settle(by=fleet.newest)
    assert (fleet.closed, fleet.received["a"][-1]["code"]) == (["a"], "connection-not-found")
