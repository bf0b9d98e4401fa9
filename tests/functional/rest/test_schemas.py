"""Schemas of event types: stored by PUT, and enforced when events are published."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.cloudevents import catalogue
from eventstore.ports import MOST_SCHEMAS, EventSchema
from eventstore.write.enforcement import DELAY_MS
from functions.hub import hub
from tests.fresh import reread
from tests.functional.rest.api import cloudevent
from tests.functional.rest.callers import caller

if TYPE_CHECKING:
    from tests.functional.rest.api import Api, Reply

ORDER = {
    "type": "object",
    "required": ["amount"],
    "properties": {"amount": {"type": "number", "minimum": 0}, "lines": {"type": "array", "items": {"type": "string"}}},
}
_PAGE = Path(__file__).parents[3] / "docs/schemas.md"
JSON = {"Content-Type": "application/json"}


def put(api: Api, schema: object = ORDER, *, name: str = "order.placed", enforce: bool = True, **headers: str) -> Reply:
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    body = json.dumps({"enforce": enforce} | ({} if schema is None else {"schema": schema})).encode()
    return api.call("PUT", f"/api/v1/schemas/{name}", body=body, headers=JSON | named)


def delete(api: Api, *, name: str = "order.placed", **headers: str) -> Reply:
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    return api.call("DELETE", f"/api/v1/schemas/{name}", headers=named)


def order(event_id: str = "1", **members: object) -> dict[str, object]:
    return cloudevent(event_id, type="order.placed", workflowid="wf", **members)


def refused(reply: Reply, status: int, code: str) -> str:
    assert (reply.status, reply.json["code"]) == (status, code), reply.body
    return str(reply.json["detail"])


def place(reply: Reply) -> str:
    [found] = reply.json["errors"]
    return str(found["pointer"])


class TestStoring:
    def test_a_new_schema_is_stored(self, api: Api) -> None:
        made = put(api)
        assert made.status == 201
        members = {"type": "order.placed", "origin": "stored", "enforce": True, "version": 1, "schema": ORDER}
        assert made.json == made.json | members
        found = api.get("/api/v1/schemas/order.placed")
        assert (found.status, found.json, found.headers["etag"]) == (200, made.json, made.headers["etag"])

    def test_another_definition_makes_another_version_and_the_same_one_does_not(self, api: Api) -> None:
        first = put(api)
        again = put(api)
        assert (again.status, again.json, again.headers["etag"]) == (200, first.json, first.headers["etag"])
        second = put(api, enforce=False)
        assert (second.status, second.json["version"], second.json["enforce"]) == (200, 2, False)
        third = put(api, {}, enforce=False)
        assert (third.json["version"], third.json["schema"]) == (3, {})
        assert third.json["created"] == first.json["created"]

    def test_a_deleted_schema_is_gone(self, api: Api) -> None:
        put(api)
        assert delete(api).status == 204
        assert "PUT /api/v1/schemas/" in refused(api.get("/api/v1/schemas/order.placed"), 404, "schema-not-found")
        refused(delete(api), 404, "schema-not-found")

    def test_a_change_can_depend_on_the_version(self, api: Api) -> None:
        refused(put(api, If_Match="*"), 412, "wrong-schema-version")
        tag = put(api, If_None_Match="*").headers["etag"]
        reply = put(api, {}, If_None_Match="*")
        assert "is at version" in refused(reply, 412, "wrong-schema-version")
        assert (reply.json["event_type"], reply.json["version"]) == ("order.placed", tag.strip('"'))
        refused(put(api, {}, If_Match='"1.old"'), 412, "wrong-schema-version")
        refused(delete(api, If_Match='"1.old"'), 412, "wrong-schema-version")
        newer = put(api, {}, If_Match=tag).headers["etag"]
        assert api.get("/api/v1/schemas/order.placed", If_None_Match=newer).status == 304
        assert api.get("/api/v1/schemas/order.placed", If_None_Match=tag).status == 200
        assert delete(api, If_Match=newer).status == 204

    @pytest.mark.parametrize(
        ("schema", "pointer", "complaint"),
        [
            ({"type": "objekt"}, "/schema/type", "not a valid JSON Schema: 'objekt'"),
            ({"properties": {"a/b": {"minimum": "0"}}}, "/schema/properties/a~1b/minimum", "not a valid JSON Schema"),
            ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/schema/$schema", "2020-12"),
            ({"$ref": "https://example.com/order"}, "/schema/$ref", "must refer to this schema, as in '#/$defs/name'"),
            ({"items": {"$ref": "#/$defs/none"}}, "/schema/items/$ref", "does not contain '#/$defs/none'"),
            ({"properties": {"a": {"$id": "https://x/y"}}}, "/schema/properties/a/$id", "only the whole schema"),
            ({"pattern": "("}, "/schema/pattern", "'(' is not a 'regex'"),
            ({"description": "d" * 16_384}, "/schema", "at most 16384 are allowed"),
            (None, "/schema", "the catalogue has no schema of 'order.placed': send one"),
        ],
    )
    def test_a_schema_that_violates_a_rule_is_refused_and_nothing_changes(
        self, api: Api, schema: object, pointer: str, complaint: str
    ) -> None:
        before = put(api).json
        reply = put(api, schema)
        assert complaint in refused(reply, 422, "invalid-schema")
        assert place(reply) == pointer
        assert api.get("/api/v1/schemas/order.placed").json == before

    @pytest.mark.parametrize("body", [b'{"schema": []}', b'{"schema": true}', b'{"enforce": 1}', b'{"type": "x"}'])
    def test_a_body_of_another_form_is_refused(self, api: Api, body: bytes) -> None:
        refused(api.call("PUT", "/api/v1/schemas/order.placed", body=body, headers=JSON), 422, "invalid-body")

    @pytest.mark.parametrize("name", ["a%20b", "%7Bfilters%7D", "a" * 201])
    def test_a_type_has_the_characters_of_names(self, api: Api, name: str) -> None:
        refused(put(api, name=name), 422, "invalid-query")
        refused(api.get(f"/api/v1/schemas/{name}"), 404, "schema-not-found")
        refused(delete(api, name=name), 404, "schema-not-found")

    def test_no_more_schemas_are_stored_than_processes_should_hold(self, api: Api) -> None:
        for number in range(MOST_SCHEMAS):
            hub().event_schemas.create(EventSchema("0" * 24, f"t.{number}", "{}", enforce=False))
        assert "delete one first" in refused(put(api), 422, "invalid-schema")
        assert put(api, name="t.7").status == 200


class TestTheCatalogue:
    def test_its_types_are_listed_with_those_that_were_stored_page_by_page(self, api: Api) -> None:
        put(api, name="io.flunq.task.failed")
        put(api, name="a.first", enforce=False)
        put(api, name="z.last")
        listed: list[dict[str, Any]] = []
        url = "/api/v1/schemas?limit=9"
        while url:
            page = api.get(url)
            listed += page.json["schemas"]
            following = page.json.get("next")
            url = f"/api/v1/schemas?limit=9&cursor={following}" if following else ""
        assert [item["type"] for item in listed] == ["a.first", *catalogue.event_types(), "z.last"]
        stored = {item["type"]: item["enforce"] for item in listed if item["origin"] == "stored"}
        assert stored == {"a.first": False, "io.flunq.task.failed": True, "z.last": True}
        own = api.get("/api/v1/schemas?prefix=io.flunq.timer.").json["schemas"]
        timers = ["io.flunq.timer.fired", "io.flunq.timer.scheduled"]
        assert own == [{"type": timer, "origin": "catalogue", "enforce": False} for timer in timers]
        refused(api.get("/api/v1/schemas?cursor=bm8"), 422, "invalid-cursor")

    @pytest.mark.parametrize("name", ["io.flunq.task.completed", "task.completed"])
    def test_a_schema_is_found_by_its_type_and_its_short_name(self, api: Api, name: str) -> None:
        found = api.get(f"/api/v1/schemas/{name}")
        assert found.json["schema"] == catalogue.schema("io.flunq.task.completed")
        assert (found.json["type"], found.json["origin"]) == ("io.flunq.task.completed", "catalogue")
        assert api.get(f"/api/v1/schemas/{name}", If_None_Match=found.headers["etag"]).status == 304

    def test_a_schema_that_is_stored_under_a_short_name_is_that_of_events_of_this_plain_type(self, api: Api) -> None:
        put(api, name="task.completed")
        assert api.get("/api/v1/schemas/task.completed").json["schema"] == ORDER
        assert api.get("/api/v1/schemas/io.flunq.task.completed").json["origin"] == "catalogue"

    def test_a_schema_of_the_catalogue_is_enforced_by_storing_it(self, api: Api) -> None:
        event = cloudevent("1", type="io.flunq.task.failed", data={"attempt": 1})
        assert api.publish(event).status == 201
        made = put(api, None, name="io.flunq.task.failed")
        assert made.json["schema"] == catalogue.schema("io.flunq.task.failed")
        assert "'error' is a required property" in refused(api.publish(event | {"id": "2"}), 422, "invalid-event")
        assert api.publish(event | {"id": "3", "data": {"error": "late"}}).status == 201

    def test_a_schema_of_the_catalogue_cannot_be_deleted_and_returns_when_the_stored_one_is(self, api: Api) -> None:
        name = "io.flunq.task.failed"
        refused(delete(api, name=name), 404, "schema-not-found")
        put(api, name=name)
        assert delete(api, name=name).status == 204
        assert api.get(f"/api/v1/schemas/{name}").json["origin"] == "catalogue"
        assert api.publish(cloudevent("1", type=name, data={})).status == 201


class TestEnforcing:
    @pytest.mark.parametrize(
        ("data", "pointer", "complaint"),
        [
            ({"amount": "12"}, "/data/amount", "'12' is not of type 'number'"),
            ({"amount": -1}, "/data/amount", "-1 is less than the minimum of 0"),
            ({}, "/data", "'amount' is a required property"),
            ({"amount": 1, "lines": ["a", 5]}, "/data/lines/1", "5 is not of type 'string'"),
            ([], "/data", "[] is not of type 'object'"),
            ({"amount": 1, "lines": ["x" * 5000, {"long": "y" * 5000}]}, "/data/lines/1", "…"),
        ],
    )
    def test_an_event_whose_data_do_not_match_is_refused_with_the_place(
        self, api: Api, data: object, pointer: str, complaint: str
    ) -> None:
        put(api)
        reply = api.publish(order(data=data))
        detail = refused(reply, 422, "invalid-event")
        assert "the data of event '1' violate the schema of order.placed: " in detail
        assert complaint in detail
        assert len(detail) < 500
        assert place(reply) == pointer
        refused(api.get("/api/v1/streams/wf"), 404, "stream-not-found")

    @pytest.mark.parametrize("members", [{}, {"data_base64": "AAEC"}, {"data": "x", "datacontenttype": "text/plain"}])
    def test_an_event_without_json_data_is_refused(self, api: Api, members: dict[str, object]) -> None:
        put(api)
        reply = api.publish(order(**members))
        refused(reply, 422, "invalid-event")
        assert place(reply) == "/data"

    def test_an_event_that_matches_is_stored_as_it_was_sent(self, api: Api) -> None:
        put(api)
        body = json.dumps(order()).encode()[:-1] + b',"data":{"amount":12.50}}'
        reply = api.call("POST", "/api/v1/events", body=body, headers={"Content-Type": "application/cloudevents+json"})
        assert reply.status == 201
        assert b'"data":{"amount":12.50}' in api.get("/api/v1/streams/wf/events").body

    def test_a_batch_is_refused_whole_with_the_place_of_the_event(self, api: Api) -> None:
        put(api)
        reply = api.publish(order("1", data={"amount": 1}), order("2", data={"amount": None}), cloudevent("3"))
        refused(reply, 422, "invalid-event")
        assert place(reply) == "/1/data/amount"
        assert api.get("/api/v1/events").ids == []

    def test_events_of_other_types_and_schemas_that_are_not_enforced_are_not_checked(self, api: Api) -> None:
        put(api, enforce=False)
        put(api, {"type": "null"}, name="order.paid")
        assert api.publish(order(data=5), cloudevent("2", data=[])).status == 201
        refused(api.publish(cloudevent("3", type="order.paid", data=5)), 422, "invalid-event")

    def test_numbers_that_python_cannot_read_and_endless_schemas_are_refused(self, api: Api) -> None:
        put(api, {"$ref": "#"})
        assert "nested too deeply" in refused(api.publish(order(data=5)), 422, "invalid-event")
        body = json.dumps(order()).encode()[:-1] + b',"data":' + b"1" * 5000 + b"}"
        put(api, {})
        reply = api.call("POST", "/api/v1/events", body=body, headers={"Content-Type": "application/cloudevents+json"})
        assert "too long to be checked" in refused(reply, 422, "invalid-event")

    def test_a_change_by_this_process_counts_at_once(self, api: Api) -> None:
        assert api.publish(order("1", data=5)).status == 201
        put(api)
        assert api.publish(order("2", data=5)).status == 422
        put(api, {"type": "integer"})
        assert api.publish(order("2", data=5)).status == 201
        put(api)
        delete(api)
        assert api.publish(order("3", data="x")).status == 201

    def test_a_change_by_another_process_counts_after_ten_seconds(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = hub().clock.now()
        monkeypatch.setattr(type(hub().clock), "now", lambda _: now)
        assert api.publish(order("1", data=5)).status == 201
        hub().event_schemas.create(EventSchema("0" * 24, "order.placed", json.dumps(ORDER), enforce=True))
        now += DELAY_MS - 1
        assert api.publish(order("2", data=5)).status == 201
        now += 1
        assert api.publish(order("3", data=5)).status == 422
        stored = hub().event_schemas.get("order.placed")
        hub().event_schemas.delete(stored)
        now -= 3 * DELAY_MS
        assert api.publish(order("4", data=5)).status == 201

    def test_without_an_enforced_schema_the_store_is_asked_once_and_nothing_is_parsed(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(api, enforce=False)
        calls: list[str] = []
        listed = hub().event_schemas.list
        monkeypatch.setattr(
            hub().event_schemas, "list", lambda **how: calls.append("list") or listed(**how), raising=True
        )
        for number in range(5):
            assert api.publish(order(str(number), data=5)).status == 201
        assert calls == ["list"]

    def test_a_caller_of_a_tenant_is_held_to_schemas_and_cannot_store_them(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(api)
        monkeypatch.setenv("AUTH", "jwt")
        reread()
        acme = caller(tenants=["acme"])
        assert "covers all streams" in refused(put(acme, {}), 403, "forbidden")
        assert "covers all streams" in refused(delete(acme), 403, "forbidden")
        assert acme.get("/api/v1/schemas/order.placed").json["schema"] == ORDER
        refused(acme.publish(order(tenantid="acme", data=5)), 422, "invalid-event")


def test_the_examples_of_the_page_do_what_it_says(api: Api) -> None:
    page = _PAGE.read_text()
    definition, event = (
        re.search(rf"{path}.*?-d '(.*?)'\n", page, re.DOTALL) for path in ("order.placed -H", "-i http")
    )
    [answer] = re.findall(r"```json\n(.*?)\n```", page, re.DOTALL)
    assert definition
    assert event
    assert api.call("PUT", "/api/v1/schemas/order.placed", body=definition[1].encode(), headers=JSON).status == 201
    headers = {"Content-Type": "application/cloudevents+json"}
    assert api.call("POST", "/api/v1/events", body=event[1].encode(), headers=headers).body.decode() == answer
    [program] = re.findall(r"```python\n(.*?)with EventStore", page, re.DOTALL)
    made: dict[str, Any] = {}
    exec(program, made)  # noqa: S102 - the page's own example
    assert api.publish(made["done"]).json["results"][0]["stream"] == "acme:order-7"


def test_publishing_imports_no_validator_where_no_schema_is_enforced() -> None:
    program = (
        "import sys; import functions.rest.app, eventstore.write.publisher, eventstore.write.enforcement, "
        "eventstore.write.schema_admin, eventstore.read.schema_directory; print('jsonschema' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "False"
