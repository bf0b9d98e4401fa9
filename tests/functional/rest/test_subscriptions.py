from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from eventstore.adapters.redis.durables import RedisDurables
from eventstore.cloudevents.event import rfc3339
from eventstore.errors import QueueUnavailable
from eventstore.streams import partition_of
from functions.hub import hub
from functions.rest.openapi import document
from tests.functional.rest.workers import Workers, create, post
from tests.trusted import Trusted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fakes.queues import FakeDispatchQueue
    from tests.functional.rest.api import Api

TASKS = [{"prefix": {"type": "io.flunq.task."}}]


@pytest.fixture
def workers(api: Api) -> Workers:
    return Workers(api)


def place(api: Api, *streams: str) -> str:
    """A cursor at the current end of the log."""
    query = "&".join(f"stream={stream}" for stream in streams)
    cursor: str = api.get(f"/api/v1/events?{query}").json["cursor"]
    return cursor


def test_a_subscription_is_created_with_the_default_rules(api: Api) -> None:
    reply = create(api, filters=TASKS)
    assert (reply.status, reply.headers["location"]) == (201, "/v1/api/v1/subscriptions/workers")
    created = reply.json.pop("created")
    assert created.endswith("Z")
    assert reply.json | {"created": ""} == {
        "id": "workers",
        "version": 1,
        "filters": TASKS,
        "ack_deadline": 30,
        "max_attempts": 5,
        "max_in_flight": 100,
        "created": "",
    }


def test_creating_the_same_subscription_again_returns_the_existing_one(api: Api) -> None:
    first = create(api, filters=TASKS, stream=["b", "a", "b"], ack_deadline=9)
    again = create(api, filters=TASKS, stream=["a", "b"], ack_deadline=9.0)
    assert (first.status, again.status, again.json) == (201, 200, first.json)


@pytest.mark.parametrize(
    "other",
    [{"filters": TASKS}, {"stream": "wf"}, {"ack_deadline": 31}, {"max_attempts": 4}, {"max_in_flight": 99}],
)
def test_another_definition_of_the_same_name_conflicts_and_changes_nothing(api: Api, other: dict[str, object]) -> None:
    create(api)
    problem = create(api, **other)
    assert (problem.status, problem.json["code"]) == (409, "subscription-conflict")
    assert len(api.get("/api/v1/subscriptions/workers").json["partitions"]) == 4


def test_deleting_a_subscription_notifies_its_members(api: Api, workers: Workers) -> None:
    create(api)
    workers.join(connection="c1")
    workers.join(connection="c2")
    dispatch_queue: FakeDispatchQueue = hub().dispatch_queue  # type: ignore[assignment]
    assert api.call("DELETE", "/api/v1/subscriptions/workers").status == 204
    assert [(name, member.connection, member.id) for name, member in dispatch_queue.deletions] == [
        ("workers", "c1", "w"),
        ("workers", "c2", "w"),
    ]


def test_a_subscription_that_is_deleted_while_it_is_described_has_no_cursor(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(api)
    monkeypatch.setattr(RedisDurables, "groups", lambda *_: {})
    reply = api.get("/api/v1/subscriptions/workers")
    assert (reply.status, reply.json["cursor"], reply.json["partitions"]) == (200, None, [])
    whole = document(server="/")
    Draft202012Validator({**whole, "$ref": "#/components/schemas/SubscriptionStanding"}).validate(reply.json)


def test_a_subscription_to_a_stream_has_the_partition_of_the_stream_only(api: Api) -> None:
    create(api, stream="wf-1")
    reply = api.get("/api/v1/subscriptions/workers").json
    assert reply["stream"] == ["wf-1"]
    assert [part["partition"] for part in reply["partitions"]] == [partition_of("wf-1", 4)]


@pytest.mark.parametrize(
    ("start", "wanted"),
    [({"from": "start"}, ["1", "2", "3"]), ({"from": "now"}, ["3"]), ({}, ["3"])],
)
def test_a_subscription_starts_at_the_requested_position(
    api: Api, workers: Workers, start: dict[str, object], wanted: Sequence[str]
) -> None:
    workers.publish("wf", "1", "2")
    create(api, **start)
    workers.publish("wf", "3")
    workers.join()
    assert workers.received() == [("wf", sequence) for sequence in wanted]


def test_a_subscription_starts_after_a_cursor(api: Api, workers: Workers) -> None:
    workers.publish("wf", "1", "2")
    cursor = place(api, "wf")
    workers.publish("wf", "3")
    assert create(api, stream="wf", cursor=cursor).status == 201
    workers.join()
    assert workers.received() == [("wf", "3")]


def test_a_cursor_must_cover_the_partitions_of_the_subscription(api: Api) -> None:
    problem = create(api, cursor=place(api, "wf"))
    assert (problem.status, problem.json["code"]) == (422, "invalid-cursor")
    assert api.get("/api/v1/subscriptions/workers").status == 404


def test_a_partition_reset_since_the_cursor_starts_at_its_oldest_event(api: Api, workers: Workers) -> None:
    workers.publish("wf", "1", "2")
    cursor = place(api, "wf")
    hub().log._client.flushall()  # type: ignore[attr-defined]
    workers.publish("wf", "1")
    create(api, stream="wf", cursor=cursor)
    workers.join()
    assert workers.received() == [("wf", "1")]


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"id": "a b"}, "/id"),
        ({"ack_deadline": 0}, "/ack_deadline"),
        ({"ack_deadline": 3601}, "/ack_deadline"),
        ({"max_attempts": True}, "/max_attempts"),
        ({"max_in_flight": 1001}, "/max_in_flight"),
        ({"from": "here"}, "/from"),
        ({"from": "now", "cursor": "c"}, "/from"),
        ({"stream": []}, "/stream"),
        ({"streams": ["wf"]}, "/streams"),
    ],
)
def test_an_invalid_definition_is_refused_with_a_pointer(api: Api, members: dict[str, object], pointer: str) -> None:
    problem = post(api, "subscriptions", **{"id": "workers", **members})
    assert (problem.status, problem.json["code"]) == (422, "invalid-body")
    assert problem.json["errors"][0]["pointer"] == pointer


def test_a_filter_that_breaks_a_rule_is_refused_with_its_place(api: Api) -> None:
    problem = create(api, filters=[{"exact": {"type": "t"}}, {"sql": "type = "}])
    assert (problem.status, problem.json["code"]) == (422, "invalid-filter")
    assert (problem.json["errors"][0]["pointer"], problem.json["position"]) == ("/filters/1/sql", 7)


def test_a_body_that_is_not_json_is_refused(api: Api) -> None:
    assert api.call("POST", "/api/v1/subscriptions", body=b"id=1").status == 415
    headers = {"Content-Type": "application/json"}
    assert api.call("POST", "/api/v1/subscriptions", body=b"{", headers=headers).status == 400


def test_subscriptions_are_listed_by_name_page_by_page(api: Api) -> None:
    for name in ("b2", "a1", "b1", "b3"):
        create(api, name)
    first = api.get("/api/v1/subscriptions?prefix=b&limit=2").json
    assert [subscription["id"] for subscription in first["subscriptions"]] == ["b1", "b2"]
    second = api.get(f"/api/v1/subscriptions?prefix=b&limit=2&cursor={first['next']}").json
    assert ([subscription["id"] for subscription in second["subscriptions"]], "next" in second) == (["b3"], False)


def test_a_cursor_of_one_list_is_refused_by_another(api: Api) -> None:
    for name in ("a", "b"):
        create(api, name)
    cursor = api.get("/api/v1/subscriptions?limit=1").json["next"]
    for path in ("streams", "dead-letters"):
        assert api.get(f"/api/v1/{path}?cursor={cursor}").json["code"] == "invalid-cursor"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("DELETE", ""), ("POST", "/replay")],
)
def test_an_unknown_subscription_is_not_found(api: Api, method: str, path: str) -> None:
    body = {"body": b'{"from":"now"}', "headers": {"Content-Type": "application/json"}} if path else {}
    problem = api.call(method, f"/api/v1/subscriptions/nobody{path}", **body)  # type: ignore[arg-type]
    assert (problem.status, problem.json["code"]) == (404, "subscription-not-found")


@pytest.mark.parametrize("path", ["streams", "subscriptions", "subscriptions/workers/replay", "dead-letters/redrive"])
def test_a_body_in_json_has_1_mib_and_no_more(api: Api, path: str) -> None:
    most = 1024 * 1024
    replies = [
        api.call("POST", f"/api/v1/{path}", body=b"{}".ljust(size), headers={"Content-Type": "application/json"})
        for size in (most, most + 1)
    ]
    assert [reply.json["code"] for reply in replies] == ["invalid-body", "too-large"]
    assert replies[1].status == 413


class TestDescription:
    def test_members_and_owners_are_shown(self, api: Api, workers: Workers) -> None:
        create(api)
        workers.join()
        described = api.get("/api/v1/subscriptions/workers").json
        assert described["members"] == [{"connection": "c1", "id": "w"}]
        assert [(partition["partition"], partition["owner"]) for partition in described["partitions"]] == [
            (p, "c1") for p in range(4)
        ]

    def test_without_a_member_the_lag_counts_waiting_events(self, api: Api, workers: Workers) -> None:
        create(api)
        workers.publish("wf", "1", "2", "3")
        described = api.get("/api/v1/subscriptions/workers").json
        assert (described["lag"], described["in_flight"], described["members"]) == (3, 0, [])
        assert described["oldest_age"] >= 0

    def test_sent_events_are_in_flight_until_they_are_acknowledged(self, api: Api, workers: Workers) -> None:
        create(api)
        workers.join()
        workers.publish("wf", "1", "2", "3")
        described = api.get("/api/v1/subscriptions/workers").json
        assert (described["lag"], described["in_flight"], described["oldest_age"] >= 0) == (0, 3, True)
        Trusted(hub().members).acknowledge("c1", "w", [place(api, "wf")])
        workers.settle()
        described = api.get("/api/v1/subscriptions/workers").json
        assert (described["in_flight"], described["oldest_age"]) == (0, None)

    def test_held_and_parked_streams_are_counted(self, api: Api, workers: Workers) -> None:
        create(api)
        workers.join()
        workers.publish("held", "1")
        workers.publish("bad", "1", "2")
        from eventstore.groups import Nack  # noqa: PLC0415 - only here

        Trusted(hub().members).fail("w", Nack("c1", "held", 1, "no", 60_000, park=False))
        workers.park("bad", 1)
        described = api.get("/api/v1/subscriptions/workers").json
        assert (described["held"], described["parked"], described["oldest_age"] >= 0) == (1, 1, True)

    def test_a_partition_with_too_many_streams_held_or_parked_is_full(
        self, api: Api, workers: Workers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("eventstore.groups.state.MOST_ASIDE", 1)
        create(api)
        workers.join()
        workers.publish("bad", "1")
        assert api.get("/api/v1/subscriptions/workers").json["full"] is False
        workers.park("bad", 1)
        described = api.get("/api/v1/subscriptions/workers").json
        assert described["full"] is True
        assert [partition["partition"] for partition in described["partitions"] if partition["full"]] == [
            partition_of("bad", 4)
        ]

    def test_the_statistics_describe_each_subscription(self, api: Api, workers: Workers) -> None:
        create(api, "idle", stream="other")
        create(api)
        workers.join()
        workers.publish("wf", "1", "2")
        idle, busy = api.get("/api/v1/stats").json["subscriptions"]
        assert idle == {
            "id": "idle",
            "members": 0,
            "lag": 0,
            "lag_more": False,
            "log_lag": 0,
            "in_flight": 0,
            "held": 0,
            "parked": 0,
            "full": False,
            "oldest_age": None,
        }
        assert (busy["id"], busy["members"], busy["in_flight"]) == ("workers", 1, 2)


class TestDeleting:
    def test_a_subscription_is_deleted(self, api: Api, workers: Workers) -> None:
        create(api)
        workers.join()
        assert api.call("DELETE", "/api/v1/subscriptions/workers").status == 204
        workers.publish("wf", "1")
        assert workers.received() == []
        assert api.get("/api/v1/subscriptions").json == {"subscriptions": []}

    def test_its_dead_letters_are_discarded_and_no_others(self, api: Api, workers: Workers) -> None:
        for name, connection in (("workers", "c1"), ("others", "c2")):
            create(api, name)
            workers.join(name, connection=connection)
        workers.publish("bad", "1", "2")
        workers.park("bad", 1, connection="c1")
        workers.park("bad", 1, connection="c2")
        api.call("DELETE", "/api/v1/subscriptions/workers")
        assert {letter.subscription for letter in workers.letters.kept} == {"others"}

    def test_a_subscription_is_kept_while_its_letters_cannot_be_discarded(
        self, api: Api, workers: Workers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        create(api)
        workers.join()
        workers.publish("bad", "1")
        workers.park("bad", 1)

        def away(*_: object) -> int:
            raise QueueUnavailable("the dead letter queue does not answer")

        with monkeypatch.context() as patched:
            patched.setattr(workers.letters, "discard", away)
            problem = api.call("DELETE", "/api/v1/subscriptions/workers")
        assert (problem.status, problem.json["code"]) == (503, "queue-unavailable")
        assert api.call("DELETE", "/api/v1/subscriptions/workers").status == 204


class TestReplaying:
    @pytest.fixture(autouse=True)
    def handled(self, api: Api, workers: Workers) -> None:
        """Two events are acknowledged, and a third is in flight."""
        create(api, stream="wf")
        workers.join()
        workers.publish("wf", "1", "2")
        self.cursor = place(api, "wf")
        Trusted(hub().members).acknowledge("c1", "w", [self.cursor])
        workers.publish("wf", "3")
        workers.received()

    def replay(self, api: Api, workers: Workers, **members: object) -> list[str]:
        reply = post(api, "subscriptions/workers/replay", **members)
        assert (reply.status, reply.json) == (202, {"id": "workers", "partitions": [partition_of("wf", 4)]})
        workers.settle()
        return [sequence for _, sequence in workers.received()]

    def test_replaying_from_the_start_sends_every_event_again(self, api: Api, workers: Workers) -> None:
        assert self.replay(api, workers, **{"from": "start"}) == ["1", "2", "3"]

    def test_replaying_from_a_cursor_sends_the_events_after_it_again(self, api: Api, workers: Workers) -> None:
        assert self.replay(api, workers, cursor=self.cursor) == ["3"]

    def test_replaying_from_now_sends_nothing_again(self, api: Api, workers: Workers) -> None:
        assert self.replay(api, workers, **{"from": "now"}) == []
        assert api.get("/api/v1/subscriptions/workers").json["in_flight"] == 0
        workers.publish("wf", "4")
        assert workers.received() == [("wf", "4")]

    def test_replaying_from_a_time_sends_events_stored_since_then_again(self, api: Api, workers: Workers) -> None:
        events = api.get("/api/v1/streams/wf/events").json["events"]
        wanted = [event["hubsequence"] for event in events if event["hubtime"] >= events[1]["hubtime"]]
        assert self.replay(api, workers, since=events[1]["hubtime"]) == wanted

    def test_replaying_from_a_future_time_skips_earlier_events(self, api: Api, workers: Workers) -> None:
        later = rfc3339(hub().clock.now() + 3_600_000)
        assert self.replay(api, workers, since=later) == []

    def test_replaying_unparks_streams_and_discards_their_letters(self, api: Api, workers: Workers) -> None:
        workers.park("wf", 3)
        assert len(workers.letters.kept) == 1
        assert self.replay(api, workers, **{"from": "start"}) == ["1", "2", "3"]
        assert (workers.letters.kept, api.get("/api/v1/dead-letters").json) == ([], {"dead_letters": []})

    def test_replaying_works_without_a_wakeup(self, api: Api, workers: Workers) -> None:
        dispatch_queue: Any = hub().dispatch_queue
        dispatch_queue.broken = True
        assert self.replay(api, workers, **{"from": "start"}) == ["1", "2", "3"]

    @pytest.mark.parametrize(
        ("members", "pointer"),
        [({}, ""), ({"from": "now", "since": "2018-04-05T17:31:00Z"}, ""), ({"since": "yesterday"}, "/since")],
    )
    def test_replaying_needs_exactly_one_valid_position(
        self, api: Api, members: dict[str, object], pointer: str
    ) -> None:
        problem = post(api, "subscriptions/workers/replay", **members)
        assert (problem.status, problem.json["errors"][0]["pointer"]) == (422, pointer)
