"""Events too large for a frame arrive without their data; the client fetches them from its hub."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest

from eventstore_client import Backoff, Bearer, Denied, EventStore, Recorded, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.functional.client.fake_hub import FakeHub
    from tests.functional.client.fake_websocket_hub import FakeWebSocketHub

SOURCE = "/tests?a=b+c"
LARGE = {"specversion": "1.0", "id": "é/1", "source": SOURCE, "type": "t", "data": {"n": 1}}


def reference(base: str, **query: str) -> str:
    return f"{base}/api/v1/events/{quote('é/1', safe='')}?{urlencode({'source': SOURCE, 'stream': 'a', **query})}"


@pytest.fixture
def store(hub: FakeHub, live_hub: FakeWebSocketHub, open_store: Callable[..., EventStore]) -> Iterator[EventStore]:
    with open_store(
        hub.url,
        websocket_url=live_hub.url,
        backoff=Backoff(first=0.001, longest=0.01, patience=5.0),
        credentials=Bearer("token"),
    ) as store:
        store.publish([LARGE], stream="a")
        hub.received.clear()
        yield store


def comes(live_hub: FakeWebSocketHub, dataref: str, **attributes: Any) -> None:  # noqa: ANN401 - any attribute
    """A frame with a large event, without its data, and a small event."""
    live_hub.publish("a", id="é/1", source=SOURCE, dataref=dataref, **attributes)
    live_hub.publish("b")


def received(store: EventStore, **options: Any) -> list[Recorded]:  # noqa: ANN401 - any option
    with store.subscribe(start="start", **options) as subscription:
        return sorted((next(subscription), next(subscription)), key=lambda event: event.stream)


@pytest.mark.parametrize("absolute", [True, False])
def test_a_handler_gets_the_whole_event(
    hub: FakeHub, live_hub: FakeWebSocketHub, store: EventStore, *, absolute: bool
) -> None:
    comes(live_hub, reference(hub.url if absolute else ""))

    [whole, _] = received(store)

    assert whole.data == {"n": 1}
    assert (whole.stream, whole.sequence) == ("a", 1)
    assert [request.headers["Authorization"] for request in hub.received] == ["Bearer token"]


@pytest.mark.parametrize(
    "elsewhere",
    [
        reference("http://127.0.0.1:9"),
        reference("https://data.example"),
        "https://data.example/large.bin",
        reference("", stream="b"),
        "//127.0.0.1:9/api/v1/events/1",
        "http://[",
        "",
    ],
)
def test_a_reference_to_another_address_is_left_to_the_handler(
    hub: FakeHub, live_hub: FakeWebSocketHub, store: EventStore, elsewhere: str
) -> None:
    comes(live_hub, elsewhere)

    [left, _] = received(store)

    assert left.attributes["dataref"] == elsewhere
    assert hub.received == []


def test_an_event_that_has_data_is_not_fetched(hub: FakeHub, live_hub: FakeWebSocketHub, store: EventStore) -> None:
    comes(live_hub, reference(hub.url), data="mine")

    assert received(store)[0].data == "mine"
    assert hub.received == []


def test_fetching_can_be_turned_off(hub: FakeHub, live_hub: FakeWebSocketHub, store: EventStore) -> None:
    comes(live_hub, reference(hub.url))

    assert received(store, follow_dataref=False)[0].data is None
    assert hub.received == []


def test_a_fetch_that_fails_is_tried_again(hub: FakeHub, live_hub: FakeWebSocketHub, store: EventStore) -> None:
    hub.reads.extend([503, 502, 429])
    comes(live_hub, reference(hub.url))

    assert received(store)[0].data == {"n": 1}


def test_an_event_that_cannot_be_fetched_is_never_skipped(
    hub: FakeHub, live_hub: FakeWebSocketHub, store: EventStore
) -> None:
    hub.reads.append(503)
    live_hub.publish("a", id="é/1", source=SOURCE, dataref=reference(hub.url))

    with store.subscribe(start="start", patience=0) as subscription:
        with pytest.raises(Unavailable):
            next(subscription)
        with store.subscribe(cursor=subscription.cursor) as another:
            assert next(another).data == {"n": 1}
        assert next(subscription).data == {"n": 1}


def test_an_event_that_was_removed_is_returned_without_its_data(
    hub: FakeHub, live_hub: FakeWebSocketHub, store: EventStore
) -> None:
    hub.reads.append(404)
    comes(live_hub, reference(hub.url))

    assert received(store)[0].attributes["dataref"] == reference(hub.url)


def test_another_event_at_the_reference_is_not_accepted(
    hub: FakeHub, live_hub: FakeWebSocketHub, store: EventStore
) -> None:
    live_hub.publish("a")
    comes(live_hub, reference(hub.url))

    with store.subscribe(start="start", stream="a") as subscription:
        second = [next(subscription), next(subscription)][1]

    assert (second.sequence, second.data) == (2, None)


def test_a_credential_without_the_read_scope_is_reported(
    hub: FakeHub, live_hub: FakeWebSocketHub, store: EventStore
) -> None:
    hub.guard = lambda _: (403, "the scope read is missing")
    live_hub.publish("a", id="é/1", source=SOURCE, dataref=reference(hub.url))

    with store.subscribe(start="start") as subscription, pytest.raises(Denied, match="the scope read is missing"):
        next(subscription)


@pytest.mark.parametrize("open_store", ["blocking"], indirect=True)
def test_a_worker_gets_the_whole_event_and_does_not_fail_a_slow_fetch(
    hub: FakeHub, live_hub: FakeWebSocketHub, store: EventStore
) -> None:
    hub.reads.extend([503, 503])
    event = {"specversion": "1.0", "id": "é/1", "source": SOURCE, "type": "t", "dataref": reference(hub.url)}
    event |= {"hubstream": "a", "hubsequence": "1", "hubtime": "2026-01-05T09:00:00Z"}
    live_hub.shares.append(
        [
            {"type": "owned", "partition": 1, "frame": 1, "cursor": "c0"},
            {"type": "events", "partition": 1, "frame": 2, "events": [event], "cursor": "c2"},
        ]
    )
    given: list[Recorded] = []
    with store.work("workers") as worker:

        def react(_: dict[str, Any]) -> list[dict[str, Any]]:
            worker.close()
            return []

        live_hub.react = react
        worker.run(given.append)

    assert [json.loads(event.text)["data"] for event in given] == [{"n": 1}]
    assert [(commands_of["action"], commands_of["cursor"]) for commands_of in live_hub.commands] == [("ack", "c2")]
