"""Subscribing, following, resuming and publishing over WebSocket, on the whole hub."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from eventstore.streams import partition_of
from tests.e2e.live import Bare, Client, event, feed, publish, sequences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.e2e.hubs import Hub

_PARTITIONS = 16


class TestFollowing:
    def test_events_published_after_subscribing_arrive_in_order(self, hub: Hub, client: Client) -> None:
        assert client.subscribe()["recovery"] == "complete"
        for number in (1, 2, 3):
            publish(hub, event(number))
        assert [(received["id"], received["hubsequence"]) for received in client.until_events(3)] == [
            ("1", "1"),
            ("2", "2"),
            ("3", "3"),
        ]

    def test_bare_events_arrive_in_order(self, hub: Hub) -> None:
        with Bare(hub, ("type", "a.*"), ("workflowid", "wf-1"), ("workflowid", "wf-2")) as client:
            assert client.subscribed()["data"]["recovery"] == "complete"
            publish(hub, *(event(number, type="a.b") for number in (1, 2, 3)))
            assert sequences(client.until_events(3), "wf-1") == [1, 2, 3]

    def test_data_arrives_as_it_was_published(self, hub: Hub, client: Client) -> None:
        client.subscribe()
        with hub.client() as store:
            store.publish(['{"specversion":"1.0","id":"n","source":"/s","type":"t","data":[1.0,12345678901234567890]}'])
        [received] = client.until_events(1)
        assert json.dumps(received["data"]) == "[1.0, 12345678901234567890]"

    def test_from_the_start_stored_events_arrive_and_then_new_ones(self, hub: Hub, client: Client) -> None:
        publish(hub, *(event(number) for number in range(1, 151)))
        client.subscribe(**{"from": "start"})
        client.until(lambda: client.following["s"].live == set(range(_PARTITIONS)))
        assert sequences(client.following["s"].events, "wf-1") == list(range(1, 151))
        publish(hub, event(151))
        assert sequences(client.until_events(151), "wf-1")[150:] == [151]

    def test_bare_events_may_start_at_the_oldest_event(self, hub: Hub) -> None:
        publish(hub, event(1), event(2))
        with Bare(hub, ("from", "start")) as client:
            assert sequences(client.until_events(2), "wf-1") == [1, 2]

    def test_catching_up_flows_into_live_while_others_publish(self, hub: Hub, client: Client) -> None:
        streams = ("wf-1", "wf-2", "wf-3")
        events = [event(f"{stream}-{n}", stream=stream) for n in range(1, 101) for stream in streams]
        publish(hub, *events[:150])
        with hub.client() as store, feed(store, events[150:], at_once=3):
            client.subscribe(**{"from": "start"})
            client.until_events(300)
        for stream in streams:
            assert sequences(client.following["s"].events, stream) == list(range(1, 101))

    def test_a_connection_carries_several_subscriptions(self, hub: Hub, client: Client) -> None:
        client.subscribe("all")
        client.subscribe("some", stream="wf-2")
        publish(hub, event(1), event(2, stream="wf-2"))
        assert sorted(received["id"] for received in client.until_events(2, "all")) == ["1", "2"]
        assert [received["id"] for received in client.until_events(1, "some")] == ["2"]

    def test_an_ended_subscription_receives_nothing_more(self, hub: Hub, client: Client) -> None:
        client.subscribe("ended")
        client.subscribe("other")
        publish(hub, event(1))
        client.until_events(1, "ended")
        assert client.ask({"action": "unsubscribe", "id": "ended", "request": "r"}) == {
            "type": "unsubscribed",
            "id": "ended",
            "request": "r",
        }
        # Messages about the second event arrive after all messages about the first.
        for number in (2, 3):
            publish(hub, event(number))
            client.until_events(number, "other")
        assert client.following["ended"].ids == ["1"]

    @pytest.mark.parametrize("own_id", ["1", pytest.param("é/1", marks=pytest.mark.needs("slashes"))])
    @pytest.mark.parametrize("bare", [False, True])
    def test_a_large_event_arrives_with_a_dataref(self, hub: Hub, own_id: str, *, bare: bool) -> None:
        data = {"large": "x" * 100_000}
        with Bare(hub) if bare else Client(hub) as client:
            client.subscribed() if isinstance(client, Bare) else client.subscribe()
            publish(hub, event(own_id, data=data))
            [received] = client.until_events(1)
            assert "data" not in received
        assert received["dataref"].startswith(hub.url)
        answer = hub.call("GET", received["dataref"].removeprefix(hub.url))
        assert (answer.status, answer.json()["data"]) == (200, data)


class TestFilters:
    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ([], ["a", "b", "c", "end"]),
            ([{"exact": {"type": "t.a"}}], ["a", "end"]),
            ([{"prefix": {"type": "t."}}], ["a", "b", "end"]),
            ([{"suffix": {"type": ".b"}}], ["b", "end"]),
            ([{"not": {"exact": {"subject": "s"}}}], ["b", "c", "end"]),
            ([{"prefix": {"type": "t."}}, {"sql": "EXISTS subject"}], ["a", "end"]),
            ([{"sql": "priority > 3 AND type LIKE 't.%'"}], ["b", "end"]),
        ],
    )
    def test_only_matching_events_arrive(
        self, hub: Hub, client: Client, filters: Sequence[Mapping[str, object]], expected: Sequence[str]
    ) -> None:
        end = {"exact": {"id": "end"}}
        client.subscribe(filters=[{"any": [{"all": filters}, end]}] if filters else [])
        publish(
            hub,
            event("a", type="t.a", subject="s", priority=3),
            event("b", type="t.b", priority=4),
            event("c", type="u"),
            event("end"),
        )
        client.until(lambda: "end" in client.following["s"].ids)
        assert client.following["s"].ids == expected

    def test_only_events_of_the_named_streams_arrive(self, hub: Hub, client: Client) -> None:
        # Both streams are in one partition, whose events arrive in the order of the log.
        neighbours = (
            f"wf-{n}"
            for n in range(2, 1000)
            if partition_of(f"wf-{n}", _PARTITIONS) == partition_of("wf-1", _PARTITIONS)
        )
        other, third = next(neighbours), next(neighbours)
        subscribed = client.subscribe(stream=["wf-1", other])
        assert subscribed["partitions"] == [partition_of("wf-1", _PARTITIONS)]
        publish(hub, event(1), event(2, stream=third), event(3, stream=other))
        assert [received["id"] for received in client.until_events(2)] == ["1", "3"]

    def test_several_parameters_of_a_url_must_all_match(self, hub: Hub) -> None:
        with Bare(hub, ("type", "t.*"), ("type", "end"), ("filter", "priority >= 4")) as client:
            client.subscribed()
            publish(
                hub,
                event("a", type="t.a", priority=3),
                event("b", type="t.b", priority=4),
                event("c", type="u", priority=5),
                event("end", type="end", priority=4),
            )
            assert [received["id"] for received in client.until_events(2)] == ["b", "end"]


class TestPublishing:
    def test_events_published_over_websocket_are_answered_and_arrive(self, hub: Hub, client: Client) -> None:
        client.subscribe()
        message = {"action": "publish", "request": "r1", "events": [event(1), event(2)], "stream": "own", "expected": 0}
        assert client.ask(message) == {
            "type": "published",
            "request": "r1",
            "results": [{"stream": "own", "sequence": n, "id": str(n), "duplicate": False} for n in (1, 2)],
        }
        assert sequences(client.until_events(2), "own") == [1, 2]
        with hub.client() as store:
            assert [received.id for received in store.read("own")] == ["1", "2"]

    def test_a_wrong_expected_version_is_refused_with_the_actual_one(self, hub: Hub, client: Client) -> None:
        publish(hub, event(1), event(2))
        answer = client.ask({"action": "publish", "request": "r", "events": [event(3)], "expected": 1})
        assert (answer["type"], answer["code"], answer["actual"]) == ("error", "wrong-expected-version", 2)

    def test_a_bare_event_is_published_and_answered_with_an_event(self, hub: Hub) -> None:
        with Bare(hub, ("type", "t")) as client:
            client.subscribed()
            client.socket.send(json.dumps(event("own", action="subscribe")))
            published = client.word("published")
            assert (published["subject"], published["data"]["results"][0]["sequence"]) == ("own", 1)
            assert [received["id"] for received in client.until_events(1)] == ["own"]

    def test_an_invalid_bare_event_is_refused_with_an_event(self, hub: Hub) -> None:
        with Bare(hub) as client:
            client.socket.send(json.dumps({"specversion": "1.0", "id": "x", "source": "/s"}))
            assert client.word("refused")["data"]["code"] == "invalid-event"
