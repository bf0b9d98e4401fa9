"""Durable subscriptions with a target, over REST."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from eventstore.durable.status import PartitionStanding, Standing
from eventstore.errors import SubscriptionHasTarget
from eventstore.filters import parse_filters
from eventstore.groups import Circuit
from eventstore.groups.state import CLOSED
from eventstore.ports import Start
from eventstore.positions import BEGINNING
from eventstore.streams import DurableName
from eventstore.subscriptions import Durable, SubscriptionKey, Target
from functions.hub import hub
from functions.rest.openapi import document
from functions.rest.subscription_answers import standing
from tests.fresh import reread
from tests.functional.rest.workers import Workers, change, create, post

if TYPE_CHECKING:
    from tests.functional.rest.api import Api

PATH = "/api/v1/subscriptions/workers"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:flunq-billing:live"
QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/flunq-billing.fifo"
URL = "https://hooks.example.com/orders?of=hub"
BUS = "arn:aws:events:eu-west-1:123456789012:event-bus/flunq"
SECRET = {"Authorization": "Bearer 0123", "X-Team": "billing"}
HIDDEN = {"Authorization": "***", "X-Team": "***"}


@pytest.fixture(autouse=True)
def allowed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment that pushes to any target."""
    del api
    allow(monkeypatch, "*")


def allow(monkeypatch: pytest.MonkeyPatch, targets: str, *, queue: str = "http://q/pushes.fifo") -> None:
    monkeypatch.setenv("TARGETS", targets)
    monkeypatch.setenv("PUSHES_QUEUE_URL", queue)
    monkeypatch.setenv("LOOPBACK_TARGETS", "true")
    reread()


def stored() -> Any:  # noqa: ANN401 - a target, or None
    """The target as the store has it."""
    return hub().durables.get("workers").target  # type: ignore[arg-type]


class TestCreating:
    @pytest.mark.parametrize(
        ("given", "shown"),
        [
            ({"lambda": "billing"}, {"batch": 10, "concurrency": 5}),
            ({"lambda": FUNCTION, "batch": 100, "concurrency": 50.0}, {}),
            ({"sqs": QUEUE}, {"batch": 10, "concurrency": 5}),
            ({"sqs": "http://127.0.0.1:4566/000000000000/q", "batch": 1, "concurrency": 1}, {}),
            ({"eventbridge": "default"}, {"batch": 10, "concurrency": 5}),
            ({"eventbridge": BUS, "batch": 3}, {"concurrency": 5}),
            ({"http": URL}, {"batch": 1, "concurrency": 5, "mode": "structured"}),
            ({"http": URL, "batch": 7}, {"concurrency": 5, "mode": "batched"}),
            ({"http": URL, "mode": "batched"}, {"batch": 10, "concurrency": 5}),
            ({"http": URL, "mode": "batched", "batch": 1, "concurrency": 5}, {}),
            ({"http": "https://a.example", "mode": "binary"}, {"batch": 1, "concurrency": 5}),
            ({"http": "http://localhost:8000/", "headers": {}}, {"batch": 1, "concurrency": 5, "mode": "structured"}),
            (
                {"http": URL, "headers": SECRET, "secret": "flunq/hooks"},
                {"batch": 1, "concurrency": 5, "mode": "structured", "headers": HIDDEN},
            ),
        ],
    )
    def test_every_answer_shows_the_target_as_it_was_named_with_what_holds_otherwise(
        self, api: Api, given: dict[str, Any], shown: dict[str, Any]
    ) -> None:
        made = create(api, target=given)
        wanted = {**given, **shown}
        if wanted.get("headers") == {}:
            del wanted["headers"]
        assert (made.status, made.json["target"], made.json["ack_deadline"]) == (201, wanted, 30)
        assert api.get(PATH).json["target"] == wanted
        assert api.get("/api/v1/subscriptions").json["subscriptions"][0]["target"] == wanted
        whole = document(server="/")
        for schema in ("Subscription", "SubscriptionStanding"):
            reply = made if schema == "Subscription" else api.get(PATH)
            Draft202012Validator({**whole, "$ref": f"#/components/schemas/{schema}"}).validate(reply.json)

    def test_the_values_of_headers_are_stored_and_never_answered(self, api: Api) -> None:
        made = create(api, target={"http": URL, "headers": SECRET})
        assert stored().headers == tuple(sorted(SECRET.items()))
        answers = [
            made,
            api.get(PATH),
            api.get("/api/v1/subscriptions"),
            change(api, target={"batch": 2, "mode": None}),
        ]
        assert not any(b"0123" in answer.body for answer in answers)
        assert "0123" not in repr(stored())

    def test_the_same_again_is_the_one_that_stands(self, api: Api) -> None:
        first = create(api, target={"http": URL, "headers": SECRET})
        again = create(api, target={"http": URL, "headers": dict(reversed(SECRET.items())), "mode": "structured"})
        assert (first.status, again.status, again.json) == (201, 200, first.json)

    @pytest.mark.parametrize(
        "other",
        [
            None,
            {"http": "https://other.example"},
            {"http": URL},
            {"http": URL, "headers": SECRET | {"X-Team": "other"}},
            {"http": URL, "headers": SECRET, "secret": "other"},
            {"http": URL, "headers": SECRET, "batch": 2},
            {"http": URL, "headers": SECRET, "concurrency": 6},
            {"lambda": "billing"},
        ],
    )
    def test_another_target_under_the_same_name_is_a_conflict(self, api: Api, other: dict[str, Any] | None) -> None:
        create(api, target={"http": URL, "headers": SECRET})
        problem = create(api, target=other)
        assert (problem.status, problem.json["code"]) == (409, "subscription-conflict")

    def test_null_is_no_target(self, api: Api) -> None:
        made = create(api, target=None)
        assert (made.status, "target" in made.json) == (201, False)

    @pytest.mark.parametrize(
        ("target", "pointer"),
        [
            ({}, ""),
            ([], ""),
            ("billing", ""),
            ({"batch": 5}, ""),
            ({"lambda": "billing", "sqs": QUEUE}, ""),
            ({"kafka": "topic"}, ""),
            ({"lambda": None}, "/lambda"),
            ({"lambda": ""}, "/lambda"),
            ({"lambda": "bil ling"}, "/lambda"),
            ({"lambda": "billing\n"}, "/lambda"),
            ({"lambda": "123456789012:function:billing"}, "/lambda"),
            ({"lambda": BUS}, "/lambda"),
            ({"lambda": "billing", "batch": 0}, "/batch"),
            ({"lambda": "billing", "batch": 101}, "/batch"),
            ({"lambda": "billing", "batch": True}, "/batch"),
            ({"lambda": "billing", "concurrency": 0}, "/concurrency"),
            ({"lambda": "billing", "concurrency": 51}, "/concurrency"),
            ({"lambda": "billing", "mode": "binary"}, "/mode"),
            ({"lambda": "billing", "headers": {}}, "/headers"),
            ({"sqs": "billing"}, "/sqs"),
            ({"sqs": "https://sqs.eu-west-1.amazonaws.com/billing"}, "/sqs"),
            ({"sqs": "arn:aws:sqs:eu-west-1:123456789012:billing"}, "/sqs"),
            ({"sqs": "https://u:p@sqs.eu-west-1.amazonaws.com/123456789012/billing"}, "/sqs"),
            ({"sqs": QUEUE, "batch": 11}, "/batch"),
            ({"eventbridge": "a bus"}, "/eventbridge"),
            ({"eventbridge": FUNCTION}, "/eventbridge"),
            ({"eventbridge": "default", "batch": 11}, "/batch"),
            ({"http": "hooks.example.com"}, "/http"),
            ({"http": "http://hooks.example.com/"}, "/http"),
            ({"http": "http://localhost.example.com/"}, "/http"),
            ({"http": "ftp://hooks.example.com/"}, "/http"),
            ({"http": "https:///orders"}, "/http"),
            ({"http": "https://user:pass@hooks.example.com/"}, "/http"),
            ({"http": "https://user@hooks.example.com/"}, "/http"),
            ({"http": "https://hooks.example.com/#part"}, "/http"),
            ({"http": "https://hooks.example.com\\@evil.example/"}, "/http"),
            ({"http": "https://hooks.example.com/a b"}, "/http"),
            ({"http": "https://hooks.example.com/\r\nX: y"}, "/http"),
            ({"http": f"https://hooks.example.com/{'a' * 2048}"}, "/http"),
            ({"http": URL, "batch": 101}, "/batch"),
            ({"http": URL, "batch": 2, "mode": "binary"}, "/mode"),
            ({"http": URL, "batch": 2, "mode": "structured"}, "/mode"),
            ({"http": URL, "mode": "streamed"}, "/mode"),
            ({"http": URL, "secret": ""}, "/secret"),
            ({"http": URL, "secret": "whsec value"}, "/secret"),
            ({"http": URL, "headers": {"Bad Name": "v"}}, "/headers/Bad Name"),
            ({"http": URL, "headers": {"X": "a\r\nY: b"}}, "/headers/X"),
            ({"http": URL, "headers": {"X": " v"}}, "/headers/X"),
            ({"http": URL, "headers": {"X": ""}}, "/headers/X"),
            ({"http": URL, "headers": {"X": 1}}, "/headers/X"),
            ({"http": URL, "headers": {"X": "***"}}, "/headers/X"),
            ({"http": URL, "headers": {"X": "v", "x": "v"}}, "/headers"),
            ({"http": URL, "headers": {"Host": "v"}}, "/headers"),
            ({"http": URL, "headers": {"content-TYPE": "v"}}, "/headers"),
            ({"http": URL, "headers": {"ce-id": "v"}}, "/headers"),
            ({"http": URL, "headers": {"Webhook-Signature": "v"}}, "/headers"),
            ({"http": URL, "headers": {"Transfer-Encoding": "chunked"}}, "/headers"),
            ({"http": URL, "headers": {"User-Agent": "v"}}, "/headers"),
            ({"http": URL, "headers": {"X-Forwarded-For": "v"}}, "/headers"),
            ({"http": URL, "headers": {f"X-{number}": "v" * 2048 for number in range(4)}}, "/headers"),
            ({"http": URL, "headers": {f"X-{number}": "v" for number in range(21)}}, "/headers"),
        ],
    )
    def test_what_breaks_a_rule_is_refused_with_its_place(self, api: Api, target: Any, pointer: str) -> None:  # noqa: ANN401 - JSON
        problem = create(api, target=target)
        assert (problem.status, problem.json["code"]) == (422, "invalid-body")
        [place] = problem.json["errors"]
        assert place["pointer"] == f"/target{pointer}"
        assert "breaks a rule" not in place["detail"]
        assert api.get(PATH).status == 404

    def test_a_target_is_exactly_one_of_four(self, api: Api) -> None:
        problem = create(api, target={"lambda": "billing", "http": URL})
        assert problem.json["detail"] == (
            "invalid body: /target: must have exactly one of: lambda, sqs, http, eventbridge"
        )

    def test_a_call_of_a_target_may_take_100_seconds_at_most(self, api: Api) -> None:
        problem = create(api, target={"lambda": "billing"}, ack_deadline=101)
        assert (problem.status, problem.json["errors"][0]["pointer"]) == (422, "/ack_deadline")
        assert create(api, target={"lambda": "billing"}, ack_deadline=100).status == 201


class TestTheHubsOwn:
    """The subscription that writes a topic of Kafka, which the hub creates itself."""

    @pytest.fixture(autouse=True)
    def own(self, api: Api) -> None:
        del api
        target = Target("kafka", "orders", batch=100, concurrency=1)
        durable = Durable(SubscriptionKey("0" * 24), DurableName("kafka-orders"), parse_filters([]), target=target)
        hub().durables.create(durable, dict.fromkeys(range(hub().durables.count), Start.OLDEST))

    def test_answers_show_its_topic(self, api: Api) -> None:
        shown = {"kafka": "orders", "batch": 100, "concurrency": 1}
        for path, schema in (
            ("/api/v1/subscriptions", "Subscriptions"),
            ("/api/v1/subscriptions/kafka-orders", "SubscriptionStanding"),
        ):
            reply = api.get(path)
            assert (reply.json["subscriptions"][0] if schema == "Subscriptions" else reply.json)["target"] == shown
            Draft202012Validator({**document(server="/"), "$ref": f"#/components/schemas/{schema}"}).validate(
                reply.json
            )

    def test_nobody_else_has_a_topic_for_a_target(self, api: Api) -> None:
        for problem in (create(api, target={"kafka": "orders"}), change(api, "kafka-orders", target={"batch": 1})):
            assert (problem.status, problem.json["errors"][0]["pointer"]) == (422, "/target")
            assert problem.json["detail"].endswith("must have exactly one of: lambda, sqs, http, eventbridge")

    def test_it_is_changed_replayed_and_deleted_as_any_other(self, api: Api) -> None:
        changed = change(api, "kafka-orders", filters=[{"exact": {"type": "t"}}])
        assert (changed.status, changed.json["target"]["kafka"]) == (200, "orders")
        assert post(api, "subscriptions/kafka-orders/replay", **{"from": "start"}).status == 202
        assert api.call("DELETE", "/api/v1/subscriptions/kafka-orders").status == 204


class TestAllowing:
    @pytest.mark.parametrize("targets", ["", "lambda:flunq-*", f"sqs:{QUEUE},http:*"])
    def test_a_target_that_is_not_allowed_is_refused_with_the_parameter_that_allows_it(
        self, api: Api, monkeypatch: pytest.MonkeyPatch, targets: str
    ) -> None:
        allow(monkeypatch, targets)
        problem = create(api, target={"lambda": "billing"})
        assert (problem.status, problem.json["code"]) == (422, "target-not-allowed")
        assert problem.json["errors"][0]["pointer"] == "/target"
        assert "parameter TargetFunctions of the template lists them (TARGETS)" in problem.json["detail"]
        assert api.get(PATH).status == 404

    def test_a_deployment_without_a_queue_of_pushes_has_no_targets(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        allow(monkeypatch, "*", queue="")
        problem = create(api, target={"lambda": "billing"})
        assert (problem.status, problem.json["code"]) == (422, "target-not-allowed")
        assert "PUSHES_QUEUE_URL" in problem.json["detail"]
        assert create(api).status == 201
        assert change(api, target={"lambda": "billing"}).json["code"] == "target-not-allowed"

    def test_a_change_to_a_target_that_is_not_allowed_is_refused_and_any_other_change_is_made(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        create(api, target={"lambda": "billing"})
        allow(monkeypatch, "lambda:flunq-*")
        assert change(api, target={"lambda": "other"}).json["code"] == "target-not-allowed"
        assert change(api, max_attempts=9).status == 200
        assert change(api, target={"lambda": "flunq-billing"}).status == 200
        assert change(api, target=None).status == 200


class TestChanging:
    def test_the_target_changes_member_by_member(self, api: Api) -> None:
        made = create(api, target={"http": URL, "headers": SECRET, "secret": "flunq/hooks", "concurrency": 9}).json
        changed = change(api, target={"concurrency": 1, "mode": "batched", "batch": 20, "secret": None})
        assert changed.status == 200
        wanted = {"http": URL, "batch": 20, "concurrency": 1, "mode": "batched", "headers": HIDDEN}
        assert changed.json == made | {"target": wanted, "version": 2}
        assert dict(stored().headers) == SECRET

    def test_what_it_is_already_makes_no_version(self, api: Api) -> None:
        made = create(api, target={"http": URL, "headers": SECRET, "batch": 3}).json
        assert change(api, target=made["target"]).json == made
        assert dict(stored().headers) == SECRET

    def test_headers_change_one_by_one(self, api: Api) -> None:
        create(api, target={"http": URL, "headers": SECRET})
        changed = change(api, target={"headers": {"authorization": "Bearer 4567", "x-team": None, "X-New": "v"}})
        assert changed.json["target"]["headers"] == {"X-New": "***", "authorization": "***"}
        assert dict(stored().headers) == {"authorization": "Bearer 4567", "X-New": "v"}
        assert "headers" not in change(api, target={"headers": None}).json["target"]

    def test_a_target_of_another_kind_replaces_it_as_a_whole(self, api: Api) -> None:
        create(api, target={"http": URL, "headers": SECRET, "batch": 50, "concurrency": 9})
        assert change(api, target={"sqs": QUEUE}).json["target"] == {"sqs": QUEUE, "batch": 10, "concurrency": 5}

    def test_hidden_headers_go_to_no_other_host(self, api: Api) -> None:
        create(api, target={"http": URL, "headers": SECRET})
        for headers in ({}, {"headers": HIDDEN}, {"headers": {"X-Team": "billing"}}):
            problem = change(api, target={"http": "https://evil.example/", **headers})
            assert (problem.status, problem.json["errors"][0]["pointer"]) == (422, "/target/headers")
        assert change(api, target={"http": "https://hooks.example.com/other"}).status == 200
        assert change(api, target={"http": "https://new.example/", "headers": SECRET}).status == 200
        assert change(api, target={"http": "https://newer.example/", "headers": None}).status == 200
        assert stored().headers == ()

    @pytest.mark.parametrize(
        ("members", "pointer"),
        [
            ({"target": {}}, "/target"),
            ({"target": "billing"}, "/target"),
            ({"target": {"lambda": None}}, "/target"),
            ({"target": {"sqs": QUEUE, "http": URL}}, "/target"),
            ({"target": {"mode": "binary"}}, "/target/mode"),
            ({"target": {"batch": 0}}, "/target/batch"),
            ({"target": {"sqs": QUEUE, "batch": 11}}, "/target/batch"),
            ({"target": {"http": URL, "headers": {"X": "***"}}}, "/target/headers/X"),
            ({"ack_deadline": 101}, "/ack_deadline"),
        ],
    )
    def test_what_would_be_no_target_is_refused_and_nothing_changes(
        self, api: Api, members: dict[str, Any], pointer: str
    ) -> None:
        create(api, target={"lambda": "billing"})
        before = api.get(PATH).json
        problem = change(api, **members)
        assert (problem.status, problem.json["code"]) == (422, "invalid-body")
        assert [place["pointer"] for place in problem.json["errors"]] == [pointer]
        assert api.get(PATH).json == before

    def test_a_subscription_with_a_long_deadline_gets_no_target(self, api: Api) -> None:
        create(api, ack_deadline=600)
        problem = change(api, target={"lambda": "billing"})
        assert (problem.status, problem.json["errors"][0]["pointer"]) == (422, "/ack_deadline")
        assert change(api, target={"lambda": "billing"}, ack_deadline=60).status == 200

    def test_every_partition_goes_by_the_new_target_from_its_place(self, api: Api) -> None:
        create(api, target={"lambda": "billing"})
        workers = Workers(api)
        workers.publish("wf", "1", "2")
        place = api.get(PATH).json["cursor"]
        change(api, target={"lambda": "other"})
        assert {part["version"] for part in api.get(PATH).json["partitions"]} == {1}
        workers.settle()
        described = api.get(PATH).json
        assert {part["version"] for part in described["partitions"]} == {2}
        assert (described["version"], described["cursor"]) == (2, place)
        groups = hub().durables.groups(hub().durables.get("workers"))  # type: ignore[arg-type]
        assert {group.version for group in groups.values()} == {2}


class TestMembers:
    def test_a_subscription_with_a_target_cannot_be_joined(self, api: Api) -> None:
        create(api, target={"lambda": "billing"})
        with pytest.raises(SubscriptionHasTarget):
            Workers(api).join()

    def test_once_the_target_is_removed_members_may_join(self, api: Api) -> None:
        create(api, target={"lambda": "billing"}, **{"from": "start"})
        removed = change(api, target=None)
        assert (removed.status, "target" in removed.json, removed.json["version"]) == (200, False, 2)
        workers = Workers(api)
        workers.settle()
        workers.publish("wf", "1")
        workers.join()
        assert workers.received() == [("wf", "1")]

    def test_a_subscription_with_members_gets_no_target_until_they_have_left(self, api: Api) -> None:
        create(api)
        workers = Workers(api)
        workers.join()
        problem = change(api, target={"lambda": "billing"})
        assert (problem.status, problem.json["code"]) == (409, "subscription-has-members")
        assert "target" not in api.get(PATH).json
        hub().members.disconnect("c1")  # type: ignore[arg-type]
        workers.settle()
        assert change(api, target={"lambda": "billing"}).json["target"]["lambda"] == "billing"

    def test_who_joins_while_it_gets_a_target_is_refused(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        create(api)
        workers, registry = Workers(api), hub().registry
        join = registry.join

        def overtaken(*given: Any) -> None:  # noqa: ANN401 - as the port has it
            join(*given)
            assert change(api, target={"lambda": "billing"}).status == 200

        monkeypatch.setattr(registry, "join", overtaken)
        with pytest.raises(SubscriptionHasTarget):
            workers.join()
        workers.settle()
        assert api.get(PATH).json["members"] == []

    def test_replaying_and_deleting_are_as_for_any_other(self, api: Api) -> None:
        create(api, target={"lambda": "billing"})
        assert post(api, "subscriptions/workers/replay", **{"from": "start"}).status == 202
        assert api.call("DELETE", PATH).status == 204


class TestCircuits:
    NOW = 1_764_000_000_000

    def status(self, circuit: Circuit, *, target: Target | None) -> Any:  # noqa: ANN401 - JSON is anything
        durable = Durable("k" * 24, "workers", parse_filters([]), target=target)
        partition = PartitionStanding(
            partition=0,
            owner=None,
            in_flight=0,
            held=0,
            parked=0,
            full=False,
            log_lag=0,
            lag=0,
            lag_more=False,
            place=BEGINNING,
            version=1,
            oldest=None,
            circuit=circuit,
        )
        return json.loads(json.dumps(standing(Standing(durable, [], [partition]), now=self.NOW)))

    @pytest.mark.parametrize(
        ("circuit", "shown"),
        [
            (CLOSED, {"state": "closed"}),
            (Circuit(2, 0, "no answer"), {"state": "closed"}),
            (
                Circuit(3, NOW + 5_000, "no answer"),
                {"state": "open", "reason": "no answer", "next_try": "2025-11-24T16:00:05.000Z"},
            ),
            (
                Circuit(0, NOW + 1_000, "slow down"),
                {"state": "paused", "reason": "slow down", "next_try": "2025-11-24T16:00:01.000Z"},
            ),
            (Circuit(0, NOW - 1, "slow down"), {"state": "closed"}),
        ],
    )
    def test_a_partition_shows_whether_events_are_pushed(self, circuit: Circuit, shown: dict[str, str]) -> None:
        status = self.status(circuit, target=Target("lambda", "billing"))
        assert status["partitions"][0]["circuit"] == shown
        assert status["open_circuits"] == int(shown["state"] == "open")

    def test_a_subscription_with_members_has_no_circuit(self) -> None:
        status = self.status(CLOSED, target=None)
        assert "open_circuits" not in status
        assert "circuit" not in status["partitions"][0]
