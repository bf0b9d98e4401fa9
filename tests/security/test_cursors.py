"""A forged or foreign cursor gives access to nothing that its bearer could not read without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.positions import Cursor, Position, StreamCursor
from eventstore.streams import partition_of
from functions.rest.tokens import token_of
from tests.functional.rest.api import cloudevent
from tests.security.hostile import NAMES, tries
from tests.security.hub import PARTITIONS, logged
from tests.security.parsers import TOKENS

if TYPE_CHECKING:
    from tests.security.hub import Hub

_NUMBERS = st.integers(0, 3) | st.integers(0, 2**64 - 1) | st.sampled_from([2**31, 2**53, 2**53 + 1, 2**63, 2**64 - 1])
_POSITIONS = st.builds(Position, _NUMBERS, _NUMBERS, _NUMBERS)


@pytest.fixture(scope="module")
def epochs(hub: Hub) -> dict[int, str]:
    """The epochs of the store, which only its own cursors contain; two streams of one partition have events."""
    mine = next(
        f"mine-{n}" for n in range(99) if partition_of(f"mine-{n}", PARTITIONS) == partition_of("s", PARTITIONS)
    )
    for number in range(3):
        assert hub.api.publish(cloudevent(f"{number}"), query="?stream=s").status == 201
        assert hub.api.publish(cloudevent(f"{number}"), query=f"?stream={mine}").status == 201
    places = Cursor.parse(hub.api.get("/api/v1/events").json["cursor"]).places
    return {partition: epoch for partition, (epoch, _) in places.items()}


def _epoch(epochs: dict[int, str], data: st.DataObject, partition: int) -> str:
    own = st.just(epochs.get(partition, "00" * 6))
    return data.draw(own | own | st.binary(min_size=6, max_size=6).map(bytes.hex))


def test_a_cursor_of_a_stream_reads_that_stream_only(hub: Hub, epochs: dict[int, str]) -> None:
    [own] = {epochs[partition_of("s", PARTITIONS)]}

    @tries(80)
    @given(
        TOKENS | st.builds(StreamCursor, st.just(own) | st.just("00" * 6), _NUMBERS).map(StreamCursor.token),
        st.booleans(),
    )
    def check(token: str, backwards: bool) -> None:  # noqa: FBT001 - hypothesis gives it by position
        query = {"cursor": [token]} if token else {}
        if backwards:
            query["direction"] = ["backwards"]
        with logged():
            reply = hub.request("GET", "/api/v1/streams/s/events", query=query)
        assert reply.status in {200, 410, 422}
        if reply.status == 200:
            assert {event["hubstream"] for event in reply.json["events"]} <= {"s"}

    check()


def test_a_cursor_reads_what_the_filter_allows(hub: Hub, epochs: dict[int, str]) -> None:
    seen = set()

    @tries(120)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        partitions = data.draw(st.just({*range(PARTITIONS)}) | st.sets(st.integers(0, 5) | st.just(9999), max_size=5))
        places = {number: (_epoch(epochs, data, number), data.draw(_POSITIONS)) for number in partitions}
        query = {"cursor": [Cursor(places).token()], "stream": ["s"]}
        if data.draw(st.booleans()):
            query["order"] = ["desc"]
        with logged():
            reply = hub.request("GET", "/api/v1/events", query=query)
        assert reply.status in {200, 410, 422}
        seen.add(reply.status)
        if reply.status == 200:
            assert {event["hubstream"] for event in reply.json["events"]} <= {"s"}

    check()
    assert len(seen) > 1


def test_a_subscription_from_any_cursor_receives_matching_and_new_events(hub: Hub, epochs: dict[int, str]) -> None:
    seen = set()

    @tries(60)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        places = {number: (_epoch(epochs, data, number), data.draw(_POSITIONS)) for number in range(PARTITIONS)}
        client, _ = hub.connect({}, [])
        with logged():
            answer = client.send({"action": "subscribe", "id": "x", "stream": "s", "cursor": Cursor(places).token()})
            received = client.received()
        assert answer["type"] == "subscribed" or answer["code"] == "invalid-cursor", answer
        events = [event for message in received for event in message.get("events", ())]
        assert {event["hubstream"] for event in events} <= {"s"}
        partition = partition_of("s", PARTITIONS)
        if answer["type"] == "subscribed" and places[partition][0] != epochs[partition]:
            assert answer["recovery"] == "new-epoch"
        seen.add(answer.get("recovery") or answer["code"])
        client.disconnect()

    check()
    assert len(seen) > 1


@pytest.mark.parametrize("partitions", [1, 2])
def test_a_cursor_of_fewer_partitions_is_refused(hub: Hub, epochs: dict[int, str], partitions: int) -> None:
    token = Cursor({number: (epochs[number], Position(1, 0, 0)) for number in range(partitions)}).token()
    client, _ = hub.connect({}, [])

    assert hub.request("GET", "/api/v1/events", query={"cursor": [token]}).status == 422
    assert client.send({"action": "subscribe", "id": "x", "cursor": token})["code"] == "invalid-cursor"


@pytest.mark.parametrize("partitions", [5, 16])
def test_unknown_partitions_change_nothing(hub: Hub, epochs: dict[int, str], partitions: int) -> None:
    places = {number: (epoch, Position(1, 0, 0)) for number, epoch in epochs.items()}
    more = {number: ("00" * 6, Position(1, 0, 0)) for number in range(PARTITIONS, partitions)}

    replies = [
        hub.request("GET", "/api/v1/events", query={"cursor": [Cursor(places_of_cursor).token()]})
        for places_of_cursor in (places, places | more)
    ]

    assert replies[0].json["events"]
    assert replies[0].json["events"] == replies[1].json["events"]


def test_an_acknowledgement_with_a_forged_cursor_does_no_harm(hub: Hub, epochs: dict[int, str]) -> None:
    made = b'{"id":"acknowledging","stream":"s","from":"start"}'
    headers = {"content-type": "application/json"}
    assert hub.request("POST", "/api/v1/subscriptions", headers=headers, body=made).status == 201
    client, _ = hub.connect({}, [])
    client.send({"action": "subscribe", "id": "w", "subscription": "acknowledging"})
    client.received()

    @tries(50)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        numbers = data.draw(st.lists(st.integers(0, PARTITIONS + 1), unique=True, max_size=3))
        places = {number: (_epoch(epochs, data, number), data.draw(_POSITIONS)) for number in numbers}
        token = data.draw(st.just(Cursor(places).token()) | TOKENS)
        with logged():
            answer = client.send({"action": "ack", "id": "w", "cursor": token})
            client.received()
        assert answer["type"] == "acknowledged" or answer["code"] in {"invalid-cursor", "subscription-not-found"}
        assert hub.request("GET", "/api/v1/subscriptions/acknowledging").status == 200
        assert hub.request("GET", "/api/v1/stats").status == 200

    check()


def test_a_cursor_of_one_list_is_refused_by_others(hub: Hub, epochs: dict[int, str]) -> None:
    assert epochs

    @tries(40)
    @given(
        TOKENS | st.builds(token_of, st.sampled_from("ndl"), NAMES) | st.builds(token_of, st.just("l"), NAMES, NAMES)
    )
    def check(token: str) -> None:
        for where in ("streams", "subscriptions", "dead-letters"):
            with logged():
                reply = hub.request("GET", f"/api/v1/{where}", query={"cursor": [token]} if token else {})
            assert reply.status in {200, 422}

    check()
