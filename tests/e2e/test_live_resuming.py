"""A client that resumes from its cursors misses nothing, or receives what is missing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from tests.e2e.dev.conftest import wait_until
from tests.e2e.live import SECONDS, Bare, Client, Following, event, feed, publish, sequences

if TYPE_CHECKING:
    from tests.e2e.hubs import Hub

_PARTITIONS = 16


def test_a_client_that_was_disconnected_misses_nothing(hub: Hub) -> None:
    following = Following()
    events = [event(f"{n % 4}-{n}", stream=f"wf-{n % 4}") for n in range(120)]
    publish(hub, *events[:40])
    with hub.client() as store, feed(store, events[40:]):
        for reached in (20, 50, 80, 120):
            with Client(hub) as client:
                subscribed = client.subscribe(into=following, **({} if following.start else {"from": "start"}))
                assert subscribed["recovery"] == "complete"
                client.until_events(reached)
    for stream in range(4):
        assert sequences(following.events, f"wf-{stream}") == list(range(1, 31))


def test_a_client_of_bare_events_that_was_disconnected_misses_nothing(hub: Hub) -> None:
    following = Following()
    with Bare(hub, ("type", "t"), into=following) as client:
        client.subscribed()
        publish(hub, event(1), event(2, stream="wf-2"))
        client.until_events(2)
    publish(hub, event(3), event(4, stream="wf-2"))
    with Bare(hub, ("type", "t"), into=following) as client:
        assert client.subscribed()["data"]["recovery"] == "complete"
        publish(hub, event(5))
        client.until_events(5)
    assert sequences(following.events, "wf-1") == [1, 2, 3]
    assert sequences(following.events, "wf-2") == [1, 2]


def test_the_cursor_of_a_rest_page_resumes_over_websocket(hub: Hub, client: Client) -> None:
    publish(hub, event(1), event(2))
    page = hub.call("GET", "/api/v1/events").json()
    publish(hub, event(3))
    assert client.subscribe(cursor=page["cursor"])["recovery"] == "complete"
    assert [event["id"] for event in client.until_events(1)] == ["3"]


@pytest.mark.parametrize("bare", [False, True])
def test_events_removed_by_retention_are_reported(hub: Hub, *, bare: bool) -> None:
    keep_three(hub, "wf-1")
    following = Following()
    with Bare(hub, into=following) if bare else Client(hub) as client:
        client.subscribed() if isinstance(client, Bare) else client.subscribe(into=following)
        publish(hub, event(1), event(2))
        client.until_events(2)
    for number in range(3, 10):
        publish(hub, event(number))
    await_first(hub, "wf-1", 7)
    with Bare(hub, into=following) if bare else Client(hub) as client:
        subscribed = client.subscribed()["data"] if isinstance(client, Bare) else client.subscribe(into=following)
        assert subscribed["recovery"] == "truncated"
        assert subscribed["missing"] == [{"stream": "wf-1", "first": 3, "last": 6}]
        client.until_events(5)
    assert sequences(following.events, "wf-1") == [1, 2, 7, 8, 9]


@pytest.mark.needs("losable-events")
@pytest.mark.parametrize("bare", [False, True])
def test_a_store_reset_is_reported_and_followed_from_its_beginning(hub: Hub, *, bare: bool) -> None:
    following = Following()
    with Bare(hub, into=following) if bare else Client(hub) as client:
        client.subscribed() if isinstance(client, Bare) else client.subscribe(into=following)
        publish(hub, event(1))
        client.until_events(1)
    with Redis.from_url(hub.valkey.url) as store:
        store.flushall()
    publish(hub, event("new"))
    with Bare(hub, into=following) if bare else Client(hub) as client:
        subscribed = client.subscribed()["data"] if isinstance(client, Bare) else client.subscribe(into=following)
        assert (subscribed["recovery"], subscribed["renewed"]) == ("new-epoch", list(range(_PARTITIONS)))
        client.until_events(2)
    assert following.ids == ["1", "new"]


def keep_three(hub: Hub, stream: str) -> None:
    body = json.dumps({"id": stream, "retention": {"max_events": 3}}).encode()
    answer = hub.call("POST", "/api/v1/streams", body=body, headers={"Content-Type": "application/json"})
    assert answer.status == 201


def await_first(hub: Hub, stream: str, first: int) -> None:
    """Call the sweep until retention has removed the events, which it does only after dispatch."""

    def removed() -> bool:
        hub.sweep()
        return store.stream(stream)["first"] == first

    with hub.client() as store:
        wait_until(removed, what=f"{stream} begins at {first}", seconds=SECONDS)
