"""PATCH of durable subscriptions: another definition, the same position."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.durable.admin import Changes
from eventstore.errors import WrongSubscriptionVersion
from eventstore.filters import parse_filters
from functions.hub import hub
from tests.functional.rest.workers import Workers, publish
from tests.trusted import Trusted

if TYPE_CHECKING:
    from tests.functional.rest.api import Api, Reply

PATH = "/api/v1/subscriptions/workers"
TASKS = [{"prefix": {"type": "task."}}]


def create(api: Api, **members: object) -> Reply:
    body = json.dumps({"id": "workers", "from": "start", **members}).encode()
    return api.call("POST", "/api/v1/subscriptions", body=body, headers={"Content-Type": "application/json"})


def change(api: Api, members: object, *, kind: str = "application/merge-patch+json", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.call("PATCH", PATH, body=json.dumps(members).encode(), headers={"Content-Type": kind, **named})


@pytest.fixture
def workers(api: Api) -> Workers:
    create(api)
    return Workers(api)


class TestRequests:
    def test_only_named_members_change(self, api: Api) -> None:
        made = create(api, filters=TASKS).json
        changed = change(api, {"max_attempts": 9, "ack_deadline": 60})
        assert changed.status == 200
        assert changed.json == made | {"max_attempts": 9, "ack_deadline": 60, "version": 2}
        assert api.get(PATH).json["max_attempts"] == 9

    def test_plain_json_is_accepted(self, api: Api) -> None:
        create(api)
        assert change(api, {"max_attempts": 9}, kind="application/json").status == 200

    def test_an_unchanged_value_makes_no_new_version(self, api: Api) -> None:
        create(api)
        assert change(api, {"max_attempts": 5}).json["version"] == 1

    @pytest.mark.parametrize(
        "members",
        [
            {},
            {"ack_deadline": None},
            {"filters": None},
            {"stream": "wf"},
            {"id": "x"},
            {"from": "now"},
            {"max_attempts": 0},
        ],
    )
    def test_an_unknown_null_or_invalid_member_is_refused_and_nothing_changes(
        self, api: Api, members: dict[str, Any]
    ) -> None:
        create(api)
        before = api.get(PATH).json
        assert change(api, members).status == 422
        assert api.get(PATH).json == before

    def test_an_invalid_filter_is_refused(self, api: Api) -> None:
        create(api)
        refused = change(api, {"filters": [{"sql": "1 +"}]})
        assert (refused.status, refused.json["code"]) == (422, "invalid-filter")

    def test_an_unknown_subscription_is_not_found(self, api: Api) -> None:
        assert change(api, {"max_attempts": 9}).status == 404

    def test_an_unknown_media_type_is_refused(self, api: Api) -> None:
        create(api)
        assert change(api, {"max_attempts": 9}, kind="text/plain").status == 415


class TestConditions:
    def test_an_entity_tag_allows_one_change(self, api: Api) -> None:
        create(api)
        tag = api.get(PATH).headers["etag"]
        changed = change(api, {"max_attempts": 9}, If_Match=tag)
        assert changed.status == 200
        refused = change(api, {"max_attempts": 8}, If_Match=tag)
        assert (refused.status, refused.json["code"]) == (412, "wrong-subscription-version")
        assert f'"{refused.json["version"]}"' == changed.headers["etag"]
        assert api.get(PATH).json["max_attempts"] == 9

    def test_a_recreated_subscription_has_another_entity_tag(self, api: Api) -> None:
        create(api)
        tag = api.get(PATH).headers["etag"]
        api.call("DELETE", PATH)
        create(api)
        assert change(api, {"max_attempts": 9}, If_Match=tag).status == 412
        assert api.call("DELETE", PATH, headers={"If-Match": tag}).status == 412
        assert api.call("DELETE", PATH, headers={"If-Match": api.get(PATH).headers["etag"]}).status == 204

    def test_two_concurrent_changes_both_take_effect(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        create(api)
        durables, subscriptions = hub().durables, Trusted(hub().durable_subscriptions)
        replace, calls = durables.change, []

        def overtaken(*given: Any) -> bool:  # noqa: ANN401 - as the port has it
            calls.append(given)
            if len(calls) == 1:
                subscriptions.change("workers", Changes(max_in_flight=7))
            return replace(*given)

        monkeypatch.setattr(durables, "change", overtaken)
        changed = subscriptions.change("workers", Changes(max_attempts=9))
        assert (changed.version, changed.settings.max_attempts, changed.settings.max_in_flight) == (3, 9, 7)

    def test_a_conditional_change_that_is_overtaken_is_refused(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        create(api)
        durables, subscriptions = hub().durables, Trusted(hub().durable_subscriptions)
        key, replace = durables.get("workers").key, durables.change

        def overtaken(*given: Any) -> bool:  # noqa: ANN401 - as the port has it
            monkeypatch.setattr(durables, "change", replace)
            subscriptions.change("workers", Changes(max_in_flight=7))
            return replace(*given)

        monkeypatch.setattr(durables, "change", overtaken)
        with pytest.raises(WrongSubscriptionVersion):
            subscriptions.change("workers", Changes(max_attempts=9), versions=[f"1.{key}"])


class TestEffects:
    def test_a_new_filter_applies_from_the_current_position(self, api: Api, workers: Workers) -> None:
        workers.join()
        publish(api, "wf", ("1", "task.a"), ("2", "other"))
        workers.settle()
        assert workers.received() == [("wf", "1"), ("wf", "2")]
        change(api, {"filters": TASKS})
        publish(api, "wf", ("3", "task.b"), ("4", "other"), ("5", "task.c"))
        workers.settle()
        assert workers.received() == [("wf", "3"), ("wf", "5")]

    def test_the_description_has_the_version_of_each_partition(self, api: Api, workers: Workers) -> None:
        change(api, {"max_attempts": 9})
        assert {partition["version"] for partition in api.get(PATH).json["partitions"]} == {1}
        workers.settle()
        assert {partition["version"] for partition in api.get(PATH).json["partitions"]} == {2}

    def test_a_cold_start_uses_the_new_definition(self, api: Api, workers: Workers) -> None:
        change(api, {"filters": TASKS})
        workers.settle()
        again = Workers(api)
        again.join()
        publish(api, "wf", ("1", "other"), ("2", "task.a"))
        again.settle()
        assert again.received() == [("wf", "2")]

    def test_a_parked_stream_whose_failed_event_no_longer_matches_continues(self, api: Api, workers: Workers) -> None:
        workers.join()
        publish(api, "bad", ("1", "other"), ("2", "task.a"))
        publish(api, "worse", ("1", "task.a"))
        workers.settle()
        workers.park("bad", 1)
        workers.park("worse", 1)
        workers.received()
        change(api, {"filters": TASKS})
        workers.settle()
        assert workers.received() == [("bad", "2")]
        assert [letter["stream"] for letter in api.get("/api/v1/dead-letters").json["dead_letters"]] == ["worse"]

    def test_a_held_stream_whose_failed_event_no_longer_matches_continues(self, api: Api, workers: Workers) -> None:
        workers.join()
        publish(api, "bad", ("1", "other"), ("2", "task.a"))
        workers.settle()
        workers.received()
        workers.fail("bad", 1)
        change(api, {"filters": TASKS})
        workers.settle()
        assert workers.received() == [("bad", "2")]

    def test_the_sweep_announces_a_change_that_was_not_announced(
        self, api: Api, workers: Workers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        subscriptions = Trusted(hub().durable_subscriptions)
        with monkeypatch.context() as died:
            died.setattr(hub().definitions, "announce", lambda _: None)
            subscriptions.change("workers", Changes(filter=parse_filters(TASKS)))
        workers.settle()
        assert {partition["version"] for partition in api.get(PATH).json["partitions"]} == {1}
        hub().definitions.announce_all()
        workers.settle()
        assert {partition["version"] for partition in api.get(PATH).json["partitions"]} == {2}


class TestPosition:
    def test_its_cursor_can_be_used_for_reading(self, api: Api, workers: Workers) -> None:
        workers.join()
        publish(api, "wf", ("1", "task.a"), ("2", "task.a"))
        workers.settle()
        cursor = api.get(PATH).json["cursor"]
        assert api.get(f"/api/v1/events?cursor={cursor}").ids == ["1", "2"]
        workers.acknowledge()
        cursor = api.get(PATH).json["cursor"]
        assert api.get(f"/api/v1/events?cursor={cursor}").ids == []

    def test_its_lag_counts_matching_events_and_the_log_lag_all_events(self, api: Api, workers: Workers) -> None:
        change(api, {"filters": TASKS})
        workers.settle()
        publish(api, "wf", ("1", "task.a"), ("2", "other"), ("3", "other"))
        described = api.get(PATH).json
        assert (described["lag"], described["lag_more"], described["log_lag"]) == (1, False, 3)
