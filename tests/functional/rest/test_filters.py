"""Named filters: stored by PUT, and used by durable subscriptions and reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from functions.hub import hub
from tests.fresh import reread
from tests.functional.rest.api import cloudevent
from tests.functional.rest.callers import caller
from tests.functional.rest.workers import Workers, change, create, publish

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.rest.api import Api, Reply

TASKS = [{"prefix": {"type": "task."}}]
FAILED = [{"suffix": {"type": ".failed"}}]
ORDERS = [{"prefix": {"type": "order."}}]
WORKERS = "/api/v1/subscriptions/workers"


def put(api: Api, filters: object, *, name: str = "chosen", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = json.dumps({"filters": filters}).encode()
    return api.call("PUT", f"/api/v1/filters/{name}", body=body, headers={"Content-Type": "application/json", **named})


def delete(api: Api, *, name: str = "chosen", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.call("DELETE", f"/api/v1/filters/{name}", headers=named)


def refused(reply: Reply, status: int, code: str) -> str:
    assert (reply.status, reply.json["code"]) == (status, code), reply.body
    return str(reply.json["detail"])


def versions(api: Api) -> set[int]:
    """The versions by which the partitions of the subscription go."""
    return {partition["version"] for partition in api.get(WORKERS).json["partitions"]}


class TestStoring:
    def test_a_new_filter_is_created(self, api: Api) -> None:
        made = put(api, TASKS)
        assert made.status == 201
        assert made.json == made.json | {"id": "chosen", "filters": TASKS, "version": 1}
        found = api.get("/api/v1/filters/chosen")
        assert (found.status, found.json, found.headers["etag"]) == (200, made.json, made.headers["etag"])

    def test_another_definition_makes_another_version(self, api: Api) -> None:
        first = put(api, TASKS)
        second = put(api, FAILED)
        assert (second.status, second.json["version"], second.json["filters"]) == (200, 2, FAILED)
        assert second.json["created"] == first.json["created"]
        assert second.headers["etag"] != first.headers["etag"]
        assert api.get("/api/v1/filters/chosen").json == second.json

    def test_the_same_definition_makes_no_version(self, api: Api) -> None:
        first = put(api, TASKS)
        again = put(api, TASKS)
        assert (again.status, again.json, again.headers["etag"]) == (200, first.json, first.headers["etag"])

    def test_a_reader_that_has_the_version_is_sent_nothing(self, api: Api) -> None:
        tag = put(api, TASKS).headers["etag"]
        found = api.get("/api/v1/filters/chosen", If_None_Match=tag)
        assert (found.status, found.body, found.headers["etag"]) == (304, b"", tag)
        put(api, FAILED)
        assert api.get("/api/v1/filters/chosen", If_None_Match=tag).status == 200

    def test_filters_are_listed_by_name_page_by_page(self, api: Api) -> None:
        for name in ("b2", "a", "b1", "c"):
            put(api, TASKS, name=name)
        page = api.get("/api/v1/filters?limit=3")
        assert [named["id"] for named in page.json["filters"]] == ["a", "b1", "b2"]
        assert page.json["next"] in page.headers["link"]
        page = api.get(f"/api/v1/filters?limit=3&cursor={page.json['next']}")
        assert [named["id"] for named in page.json["filters"]] == ["c"]
        assert "next" not in page.json
        assert [named["id"] for named in api.get("/api/v1/filters?prefix=b").json["filters"]] == ["b1", "b2"]
        refused(api.get("/api/v1/filters?cursor=bm8"), 422, "invalid-cursor")

    def test_a_deleted_filter_is_gone(self, api: Api) -> None:
        put(api, TASKS)
        assert delete(api).status == 204
        assert "PUT /api/v1/filters/" in refused(api.get("/api/v1/filters/chosen"), 404, "filter-not-found")
        refused(delete(api), 404, "filter-not-found")
        assert api.get("/api/v1/filters").json == {"filters": []}

    @pytest.mark.parametrize(
        ("filters", "code"),
        [
            ([{"sql": "1 +"}], "invalid-filter"),
            ([{"exact": {"type": "t" * 4096}}], "invalid-filter"),
            ({}, "invalid-body"),
            (None, "invalid-body"),
        ],
    )
    def test_a_filter_that_violates_a_rule_is_refused_and_nothing_changes(
        self, api: Api, filters: object, code: str
    ) -> None:
        before = put(api, TASKS).json
        refused(put(api, filters), 422, code)
        assert api.get("/api/v1/filters/chosen").json == before

    def test_a_filter_has_no_other_members(self, api: Api) -> None:
        for body in (b"{}", b'{"filters": [], "id": "chosen"}'):
            reply = api.call("PUT", "/api/v1/filters/chosen", body=body, headers={"Content-Type": "application/json"})
            refused(reply, 422, "invalid-body")

    @pytest.mark.parametrize("name", ["a%20b", "%7Bfilters%7D", "a" * 201])
    def test_a_name_has_the_characters_of_all_names(self, api: Api, name: str) -> None:
        refused(put(api, TASKS, name=name), 422, "invalid-query")
        refused(api.get(f"/api/v1/filters/{name}"), 404, "filter-not-found")
        refused(delete(api, name=name), 404, "filter-not-found")


class TestConditions:
    def test_a_version_that_was_read_can_be_changed_once(self, api: Api) -> None:
        tag = put(api, TASKS).headers["etag"]
        changed = put(api, FAILED, If_Match=tag)
        assert changed.status == 200
        reply = put(api, ORDERS, If_Match=tag)
        refused(reply, 412, "wrong-filter-version")
        assert f'"{reply.json["version"]}"' == changed.headers["etag"]
        refused(delete(api, If_Match=tag), 412, "wrong-filter-version")
        assert delete(api, If_Match=changed.headers["etag"]).status == 204

    def test_a_filter_that_was_created_anew_has_another_version(self, api: Api) -> None:
        tag = put(api, TASKS).headers["etag"]
        delete(api)
        put(api, TASKS)
        refused(put(api, FAILED, If_Match=tag), 412, "wrong-filter-version")

    @pytest.mark.parametrize("tag", ["*", '"1.0"'])
    def test_what_must_exist_is_not_created(self, api: Api, tag: str) -> None:
        reply = put(api, TASKS, If_Match=tag)
        assert "does not exist" in refused(reply, 412, "wrong-filter-version")
        assert "version" not in reply.json
        assert api.get("/api/v1/filters/chosen").status == 404

    def test_what_must_not_exist_is_not_replaced(self, api: Api) -> None:
        assert put(api, TASKS, If_None_Match="*").status == 201
        refused(put(api, FAILED, If_None_Match="*"), 412, "wrong-filter-version")
        assert put(api, FAILED, If_Match="*").status == 200

    def test_conditions_that_contradict_each_other_are_refused(self, api: Api) -> None:
        refused(put(api, TASKS, If_Match="*", If_None_Match="*"), 422, "invalid-query")
        refused(put(api, TASKS, If_None_Match='"1"'), 422, "invalid-query")

    def test_a_command_that_was_repeated_after_it_was_done_finds_its_own_result(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        filters = hub().named_filters
        for name in ("create", "change", "delete"):
            done = getattr(filters, name)
            monkeypatch.setattr(filters, name, lambda *given, done=done: done(*given) and False)
        made = put(api, TASKS, If_None_Match="*")
        assert made.status == 201
        changed = put(api, FAILED, If_Match=made.headers["etag"])
        assert (changed.status, changed.json["version"]) == (200, 2)
        assert delete(api, If_Match=changed.headers["etag"]).status == 204


@pytest.fixture
def workers(api: Api) -> Workers:
    """A subscription that follows a filter for tasks."""
    put(api, TASKS)
    assert create(api, filter_name="chosen").status == 201
    return Workers(api)


class TestDurableSubscriptions:
    def test_a_subscription_shows_the_name_and_its_own_filters(self, api: Api) -> None:
        put(api, TASKS)
        made = create(api, filters=FAILED, filter_name="chosen")
        assert (made.json["filter_name"], made.json["filters"]) == ("chosen", FAILED)
        assert api.get(WORKERS).json == api.get(WORKERS).json | made.json
        assert api.get("/api/v1/subscriptions").json["subscriptions"] == [made.json]

    def test_a_filter_that_does_not_exist_is_not_named(self, api: Api) -> None:
        refused(create(api, filter_name="chosen"), 404, "filter-not-found")
        assert api.get(WORKERS).status == 404
        create(api)
        refused(change(api, filter_name="chosen"), 404, "filter-not-found")
        assert api.get(WORKERS).json["version"] == 1

    @pytest.mark.parametrize("name", ["", "a b", 7, ["chosen"]])
    def test_what_is_no_name_is_refused(self, api: Api, name: object) -> None:
        refused(create(api, filter_name=name), 422, "invalid-body")
        create(api)
        refused(change(api, filter_name=name), 422, "invalid-body")

    def test_an_event_must_match_both_filters(self, api: Api) -> None:
        put(api, TASKS)
        create(api, filters=FAILED, filter_name="chosen")
        workers = Workers(api)
        workers.join()
        publish(api, "wf", ("1", "task.failed"), ("2", "task.done"), ("3", "order.failed"))
        workers.settle()
        assert workers.received() == [("wf", "1")]

    def test_it_follows_a_change_and_keeps_its_place(self, api: Api, workers: Workers) -> None:
        workers.join()
        publish(api, "wf", ("1", "task.done"), ("2", "order.placed"))
        workers.settle()
        assert workers.received() == [("wf", "1")]
        put(api, ORDERS)
        assert versions(api) == {1}
        publish(api, "wf", ("3", "task.done"), ("4", "order.placed"))
        workers.settle()
        assert workers.received() == [("wf", "4")]
        assert (api.get(WORKERS).json["version"], versions(api)) == (2, {2})

    def test_a_change_leaves_other_subscriptions_alone(self, api: Api, workers: Workers) -> None:
        put(api, TASKS, name="other")
        create(api, "plain", filters=TASKS)
        create(api, "others", filter_name="other")
        put(api, ORDERS)
        workers.settle()
        found = {
            subscription["id"]: subscription["version"]
            for subscription in api.get("/api/v1/subscriptions").json["subscriptions"]
        }
        assert found == {"others": 1, "plain": 1, "workers": 2}

    def test_a_parked_stream_whose_failed_event_no_longer_matches_goes_on(self, api: Api, workers: Workers) -> None:
        workers.join()
        publish(api, "bad", ("1", "task.done"), ("2", "order.placed"))
        workers.settle()
        workers.park("bad", 1)
        workers.received()
        put(api, ORDERS)
        workers.settle()
        assert workers.received() == [("bad", "2")]
        assert api.get("/api/v1/dead-letters").json["dead_letters"] == []

    def test_the_same_subscription_again_is_the_same_after_a_change(self, api: Api, workers: Workers) -> None:
        assert workers
        put(api, ORDERS)
        assert create(api, filter_name="chosen").status == 200
        refused(create(api, filters=ORDERS), 409, "subscription-conflict")
        refused(create(api, filters=TASKS, filter_name="chosen"), 409, "subscription-conflict")

    def test_it_begins_to_follow_a_filter_and_ends(self, api: Api) -> None:
        put(api, TASKS)
        create(api, filters=FAILED)
        workers = Workers(api)
        workers.join()
        assert change(api, filter_name="chosen").json["version"] == 2
        publish(api, "wf", ("1", "order.failed"), ("2", "task.failed"))
        workers.settle()
        assert workers.received() == [("wf", "2")]
        ended = change(api, filter_name=None)
        assert (ended.json["filters"], ended.json["version"], "filter_name" in ended.json) == (FAILED, 3, False)
        put(api, ORDERS)
        publish(api, "wf", ("3", "task.failed"), ("4", "order.done"))
        workers.settle()
        assert workers.received() == [("wf", "3")]

    def test_filters_of_its_own_change_beside_the_named_one(self, api: Api, workers: Workers) -> None:
        workers.join()
        assert change(api, filters=FAILED).json["filter_name"] == "chosen"
        assert change(api, max_attempts=9).json["filters"] == FAILED
        put(api, ORDERS)
        publish(api, "wf", ("1", "task.failed"), ("2", "order.failed"), ("3", "order.placed"))
        workers.settle()
        assert workers.received() == [("wf", "2")]

    def test_the_name_that_it_has_already_makes_no_version(self, api: Api, workers: Workers) -> None:
        assert workers
        assert change(api, filter_name="chosen").json["version"] == 1
        create(api, "plain")
        assert change(api, "plain", filter_name=None).json["version"] == 1

    def test_its_own_filters_leave_room_for_any_named_one(self, api: Api) -> None:
        half = [{"exact": {"type": "t" * 4050}}]
        put(api, half)
        assert create(api, filters=half, filter_name="chosen").status == 201
        refused(change(api, filters=[{"exact": {"type": "t" * 4096}}]), 422, "invalid-filter")
        assert change(api, filters=[{"exact": {"type": "t" * 4096}}], filter_name=None).status == 200
        refused(change(api, filter_name="chosen"), 422, "invalid-filter")


class TestDeleting:
    def test_a_filter_that_a_subscription_names_stays(self, api: Api, workers: Workers) -> None:
        assert workers
        reply = delete(api)
        assert "'workers'" in refused(reply, 409, "filter-in-use")
        assert (reply.json["filter"], reply.json["subscription"]) == ("chosen", "workers")
        change(api, filter_name=None)
        assert delete(api).status == 204

    def test_a_subscription_that_is_deleted_names_nothing(self, api: Api, workers: Workers) -> None:
        assert workers
        assert api.call("DELETE", WORKERS).status == 204
        assert delete(api).status == 204

    def test_it_does_not_overtake_a_subscription_that_begins_to_name_the_filter(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(api, TASKS)
        before(monkeypatch, hub().named_filters, "delete", lambda: create(api, filter_name="chosen"))
        refused(delete(api), 409, "filter-in-use")
        assert api.get("/api/v1/filters/chosen").status == 200

    def test_a_filter_that_is_changed_meanwhile_is_deleted_unless_a_version_was_named(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tag = put(api, TASKS).headers["etag"]
        before(monkeypatch, hub().named_filters, "delete", lambda: put(api, FAILED))
        refused(delete(api, If_Match=tag), 412, "wrong-filter-version")
        before(monkeypatch, hub().named_filters, "delete", lambda: put(api, ORDERS))
        assert delete(api).status == 204


class TestRaces:
    def test_a_filter_that_is_changed_while_a_subscription_is_created_is_followed(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(api, TASKS)
        before(monkeypatch, hub().durables, "create", lambda: put(api, ORDERS))
        create(api, filter_name="chosen")
        assert used_filter() == ORDERS

    def test_a_filter_that_is_changed_while_a_subscription_is_changed_is_followed(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(api, TASKS)
        create(api)
        before(monkeypatch, hub().durables, "change", lambda: put(api, ORDERS))
        assert change(api, filter_name="chosen").json["version"] == 3
        assert used_filter() == ORDERS

    def test_a_filter_that_is_deleted_while_a_subscription_is_created_is_not_found(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(api, TASKS)
        before(monkeypatch, hub().durables, "create", lambda: delete(api))
        refused(create(api, filter_name="chosen"), 404, "filter-not-found")
        assert api.get(WORKERS).status == 404

    def test_a_filter_that_is_deleted_while_a_subscription_is_changed_is_not_found(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(api, TASKS)
        create(api, filters=FAILED)
        before(monkeypatch, hub().durables, "change", lambda: delete(api))
        refused(change(api, filter_name="chosen"), 404, "filter-not-found")
        found = api.get(WORKERS).json
        assert (found["filters"], "filter_name" in found) == (FAILED, False)
        assert used_filter() == FAILED

    def test_of_two_that_change_a_filter_at_once_the_later_is_followed(
        self, api: Api, workers: Workers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert workers
        before(monkeypatch, hub().durables, "change", lambda: put(api, ORDERS))
        put(api, FAILED)
        assert api.get("/api/v1/filters/chosen").json["filters"] == ORDERS
        assert used_filter() == ORDERS

    def test_a_subscription_that_is_deleted_meanwhile_is_passed_over(
        self, api: Api, workers: Workers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert workers
        before(monkeypatch, hub().durables, "change", lambda: api.call("DELETE", WORKERS))
        assert put(api, FAILED).status == 200


class TestCrashes:
    @pytest.fixture
    def stored_alone(self, api: Api, workers: Workers, monkeypatch: pytest.MonkeyPatch) -> Workers:
        """A change that died once the filter was stored."""
        with monkeypatch.context() as died:
            died.setattr(hub().definitions, "follow", lambda _: None)
            put(api, ORDERS)
        assert used_filter() == TASKS
        return workers

    def test_a_repeated_call_finishes_a_change(self, api: Api, stored_alone: Workers) -> None:
        assert put(api, ORDERS).json["version"] == 2
        stored_alone.settle()
        assert (used_filter(), versions(api)) == (ORDERS, {2})

    def test_the_sweep_finishes_a_change(self, api: Api, stored_alone: Workers) -> None:
        hub().definitions.announce_all()
        stored_alone.settle()
        assert (used_filter(), versions(api)) == (ORDERS, {2})

    def test_the_sweep_announces_a_definition_that_was_stored(
        self, api: Api, workers: Workers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as died:
            died.setattr(hub().definitions, "announce", lambda _: None)
            put(api, ORDERS)
        workers.settle()
        assert versions(api) == {1}
        hub().definitions.announce_all()
        workers.settle()
        assert versions(api) == {2}

    def test_a_subscription_whose_filter_is_gone_keeps_what_it_used(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its creator died before it recorded that it names the filter, and the filter was deleted meanwhile."""
        put(api, TASKS)
        create(api)
        with monkeypatch.context() as died:
            died.setattr(hub().definitions, "begin_following", lambda durable: durable)
            before(died, hub().durables, "change", lambda: delete(api))
            change(api, filter_name="chosen")
        hub().definitions.announce_all()
        found = api.get(WORKERS).json
        assert (found["filters"], found["version"], "filter_name" in found) == (TASKS, 3, False)


class TestReads:
    @pytest.fixture(autouse=True)
    def _events(self, api: Api) -> None:
        put(api, TASKS)
        publish(api, "wf", ("1", "task.done"), ("2", "order.placed"), ("3", "task.failed"))
        publish(api, "other", ("4", "task.failed"))

    @pytest.mark.parametrize(
        ("path", "ids"),
        [
            ("events?filter_name=chosen", ["1", "3", "4"]),
            ("events?filter_name=chosen&stream=wf", ["1", "3"]),
            ("events?filter_name=chosen&filter=type%20LIKE%20'%25.failed'", ["3", "4"]),
            ("events?filter_name=chosen&type=order.placed", []),
            ("streams/wf/events?filter_name=chosen", ["1", "3"]),
            ("streams/wf/events?filter_name=chosen&type=task.failed", ["3"]),
        ],
    )
    def test_a_read_selects_what_matches_the_named_filter_too(self, api: Api, path: str, ids: list[str]) -> None:
        # Events of one millisecond come in the order of their partitions.
        assert sorted(api.get(f"/api/v1/{path}").ids) == ids

    def test_a_read_uses_the_filter_as_it_is_then(self, api: Api) -> None:
        page = api.get("/api/v1/events?filter_name=chosen&stream=wf&limit=1")
        assert page.ids == ["1"]
        assert "filter_name=chosen" in page.headers["link"]
        put(api, ORDERS)
        assert api.get(f"/api/v1/events?filter_name=chosen&stream=wf&cursor={page.json['next']}").ids == ["2"]

    @pytest.mark.parametrize("path", ["events", "streams/wf/events", "handshake"])
    def test_a_filter_that_does_not_exist_is_not_found(self, api: Api, path: str) -> None:
        for name in ("none", "a%20b"):
            refused(api.get(f"/api/v1/{path}?filter_name={name}"), 404, "filter-not-found")

    @pytest.mark.parametrize("path", ["events", "streams/wf/events", "handshake"])
    @pytest.mark.parametrize("query", ["filter_name=chosen&filter_name=chosen", "filter_name="])
    def test_a_read_names_one_filter(self, api: Api, path: str, query: str) -> None:
        refused(api.get(f"/api/v1/{path}?{query}"), 422, "invalid-query")

    def test_filters_that_are_too_long_together_are_refused(self, api: Api) -> None:
        put(api, [{"exact": {"type": "t" * 4000}}])
        refused(api.get(f"/api/v1/events?filter_name=chosen&subject={'s' * 4500}"), 422, "invalid-filter")

    def test_a_handshake_that_names_a_filter_would_be_accepted(self, api: Api) -> None:
        assert api.get("/api/v1/handshake?filter_name=chosen&type=task.*").status == 204


class TestAccess:
    @pytest.fixture(autouse=True)
    def _authorized(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AUTH", "jwt")
        reread()
        assert api.get("/health").status == 403
        self.everyone, self.acme = caller(), caller(tenants=["acme"])

    def test_a_tenant_stores_filters_under_its_own_names(self) -> None:
        assert put(self.acme, TASKS, name="acme:tasks").status == 201
        refused(put(self.acme, TASKS, name="tasks"), 403, "forbidden")
        refused(put(self.acme, TASKS, name="other:tasks"), 403, "forbidden")

    def test_filters_of_others_are_as_ones_that_do_not_exist(self) -> None:
        put(self.everyone, TASKS, name="tasks")
        put(self.acme, TASKS, name="acme:tasks")
        put(caller(tenants=["other"]), TASKS, name="other:tasks")
        assert [named["id"] for named in self.acme.get("/api/v1/filters").json["filters"]] == ["acme:tasks"]
        for name in ("tasks", "other:tasks", "other:none"):
            for reply in (
                self.acme.get(f"/api/v1/filters/{name}"),
                delete(self.acme, name=name),
                self.acme.get(f"/api/v1/events?filter_name={name}"),
                self.acme.get(f"/api/v1/handshake?filter_name={name}"),
                create(self.acme, "acme:workers", filter_name=name),
            ):
                refused(reply, 404, "filter-not-found")

    def test_a_filter_is_confined_to_the_streams_of_who_stores_it(self) -> None:
        """A subscription of an operator may name it, and a member of the tenant may have joined that subscription."""
        made = put(self.acme, [], name="acme:all")
        assert made.json["filters"] == [{"prefix": {"hubstream": "acme:"}}]
        assert put(self.acme, [], name="acme:all").json["version"] == 1

    def test_a_read_is_confined_whatever_it_names(self) -> None:
        put(self.everyone, [], name="acme:all")
        for tenant in ("acme", "other"):
            self.everyone.publish(cloudevent(tenant, tenantid=tenant, workflowid="wf"))
        assert self.acme.get("/api/v1/events?filter_name=acme:all").ids == ["acme"]

    def test_a_subscription_stays_confined_whatever_its_filter_becomes(self) -> None:
        put(self.acme, TASKS, name="acme:chosen")
        made = create(self.acme, "acme:workers", filter_name="acme:chosen")
        assert made.json["filters"] == [{"prefix": {"hubstream": "acme:"}}]
        put(self.everyone, [], name="acme:chosen")
        durable = hub().durables.get("acme:workers")
        assert json.loads(durable.filter.text) == made.json["filters"]
        ended = change(self.acme, "acme:workers", filter_name=None)
        assert ended.json["filters"] == made.json["filters"]

    def test_an_operator_s_subscription_is_confined_once_a_tenant_changes_it(self) -> None:
        put(self.everyone, [{"prefix": {"hubstream": "acme:"}}], name="acme:chosen")
        assert create(self.everyone, "shared", filter_name="acme:chosen").json["filters"] == []
        ended = change(self.acme, "shared", filter_name=None)
        assert ended.json["filters"] == [{"prefix": {"hubstream": "acme:"}}]

    def test_a_subscription_of_others_that_names_a_filter_is_not_named(self) -> None:
        put(self.acme, TASKS, name="acme:chosen")
        create(self.everyone, "wide", stream=["acme:a", "other:b"], filter_name="acme:chosen")
        reply = delete(self.acme, name="acme:chosen")
        assert "'wide'" not in refused(reply, 409, "filter-in-use")
        assert "subscription" not in reply.json


def used_filter() -> Any:  # noqa: ANN401 - JSON
    """The filter by which the subscription goes."""
    return json.loads(hub().durables.get("workers").filter.text)


def before(monkeypatch: pytest.MonkeyPatch, port: object, method: str, happens: Callable[[], object]) -> None:
    """Let something happen right before the next call of a port."""
    call = getattr(port, method)

    def overtaken(*given: Any, **options: Any) -> Any:  # noqa: ANN401 - as the port has it
        monkeypatch.setattr(port, method, call)
        happens()
        return call(*given, **options)

    monkeypatch.setattr(port, method, overtaken)
