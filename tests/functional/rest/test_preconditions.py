"""Preconditions (RFC 9110, 13): a call with a precondition that fails or is unsupported changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from eventstore.subscriptions import EVENTSTORE, Connection
from functions.hub import hub
from functions.rest.openapi import document
from tests.functional.rest.api import cloudevent

if TYPE_CHECKING:
    from tests.functional.rest.api import Api, Reply

JSON = {"Content-Type": "application/json"}

CHANGING = [
    (operation["operationId"], method.upper(), path)
    for path, methods in document(server="/", auth="off")["paths"].items()
    for method, operation in methods.items()
    if method not in {"get", "head"}
]
TYPE = "io.flunq.task.failed"
BODIES: dict[str, tuple[object, dict[str, str]]] = {
    "publishEvents": (cloudevent("new"), {"Content-Type": "application/cloudevents+json"}),
    "createStream": ({"id": "wf", "labels": {}}, JSON),
    "changeStream": ({"labels": {"a": "b"}}, JSON),
    "forkStream": ({"to": "wf~fork", "until": 2}, JSON),
    "createSubscription": ({"id": "made"}, JSON),
    "changeSubscription": ({"max_attempts": 9}, JSON),
    "replaySubscription": ({"from": "start"}, JSON),
    "putFilter": ({"filters": [{"exact": {"type": "t"}}]}, JSON),
    "putSchema": ({"enforce": True}, JSON),
    "redriveDeadLetters": ({"subscription": "workers"}, JSON),
}
QUERIES = {"publishEvents": "?stream=wf", "purgeDeadLetters": "?subscription=workers"}


@pytest.fixture
def filled(api: Api) -> Api:
    """A hub with a stream of three events, a durable subscription, a named filter, a schema and a connection."""
    api.publish(*(cloudevent(str(number)) for number in range(3)), query="?stream=wf")
    body = json.dumps({"id": "workers", "from": "start"}).encode()
    assert api.call("POST", "/api/v1/subscriptions", body=body, headers=JSON).status == 201
    assert api.call("PUT", "/api/v1/filters/chosen", body=b'{"filters": []}', headers=JSON).status == 201
    assert api.call("PUT", f"/api/v1/schemas/{TYPE}", body=b'{"schema": {}}', headers=JSON).status == 201
    hub().registry.connect(Connection("c", EVENTSTORE, 0))
    return api


def changed(api: Api, operation: str, method: str, path: str, **condition: str) -> Reply:
    """Make a changing call with a condition."""
    body, headers = BODIES.get(operation, (None, {}))
    path = path.format(stream="wf", subscription="workers", filter="chosen", connection="c", type=TYPE)
    url = path + QUERIES.get(operation, "")
    encoded = None if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in condition.items()}
    return api.call(method, url, body=encoded, headers={**headers, **named})


def stored() -> dict[bytes, bytes]:
    """The whole content of the store."""
    client = hub().log._client  # type: ignore[attr-defined]
    return {key: client.execute_command("DUMP", key) for key in client.execute_command("KEYS", "*")}


@pytest.mark.parametrize(("operation", "method", "path"), CHANGING)
@pytest.mark.parametrize(
    "condition",
    [
        {"If_Match": '"999"'},
        {"If_Match": '"3.1.000000000000"'},
        {"If_None_Match": "*"},
        {"If_Unmodified_Since": "Sat, 29 Oct 1994 19:43:31 GMT"},
    ],
)
def test_no_call_changes_anything_when_its_condition_fails(
    filled: Api, operation: str, method: str, path: str, condition: dict[str, str]
) -> None:
    before = stored()
    refused = changed(filled, operation, method, path, **condition)
    assert (refused.status, refused.json["code"]) in {
        (412, "wrong-expected-version"),
        (412, "wrong-subscription-version"),
        (412, "wrong-filter-version"),
        (412, "wrong-schema-version"),
        (422, "invalid-query"),
    }
    assert stored() == before


@pytest.mark.parametrize(("operation", "method", "path"), CHANGING)
def test_without_a_condition_each_of_these_calls_succeeds(filled: Api, operation: str, method: str, path: str) -> None:
    """Otherwise the test above would prove nothing."""
    expected = {200, 201, 202, 204} if "DeadLetters" not in operation else {404}
    assert changed(filled, operation, method, path).status in expected


@pytest.mark.parametrize("condition", [{"If_Modified_Since": "Sat, 29 Oct 1994 19:43:31 GMT"}, {"If_Range": '"1"'}])
def test_conditions_for_reads_are_ignored_by_changing_methods(filled: Api, condition: dict[str, str]) -> None:
    assert changed(filled, "deleteStream", "DELETE", "/api/v1/streams/{stream}", **condition).status == 204


class TestDeletingAStream:
    def delete(self, api: Api, query: str = "", **condition: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in condition.items()}
        return api.call("DELETE", f"/api/v1/streams/wf{query}", headers=named)

    def tag(self, api: Api) -> str:
        return api.get("/api/v1/streams/wf").headers["etag"]

    @pytest.mark.parametrize("query", ["", "?permanent=true"])
    def test_a_stale_entity_tag_deletes_nothing(self, filled: Api, query: str) -> None:
        stale = self.tag(filled)
        filled.publish(cloudevent("later"), query="?stream=wf")
        refused = self.delete(filled, query, If_Match=stale)
        assert (refused.status, refused.json["actual"], refused.json["expected"]) == (412, 4, 3)
        assert len(filled.get("/api/v1/streams/wf/events").ids) == 4

    def test_an_entity_tag_is_compared_in_every_part(self, filled: Api) -> None:
        known = self.tag(filled)
        assert self.delete(filled, If_Match=known).status == 204
        refused = self.delete(filled, "?permanent=true", If_Match=known)
        assert (refused.status, refused.json["actual"]) == (412, 3)
        assert self.delete(filled, "?permanent=true", If_Match=self.tag(filled)).status == 204

    @pytest.mark.parametrize("condition", ['"3"', "*", '"1", "3"', 'W/"1", "3"'])
    def test_a_condition_that_holds_allows_the_deletion(self, filled: Api, condition: str) -> None:
        assert self.delete(filled, If_Match=condition).status == 204
        assert filled.get("/api/v1/streams/wf/events").ids == []

    @pytest.mark.parametrize("condition", ['"2"', '"1", "2"', 'W/"3"', '"another"', '"*"', '""'])
    def test_a_condition_that_fails_refuses_the_deletion(self, filled: Api, condition: str) -> None:
        assert self.delete(filled, If_Match=condition).status == 412

    @pytest.mark.parametrize(
        ("condition", "status"), [("*", 412), ('"3"', 412), ('W/"3"', 412), ('"2"', 204), ('"x"', 204)]
    )
    def test_if_none_match_inverts_the_condition(self, filled: Api, condition: str, status: int) -> None:
        assert self.delete(filled, If_None_Match=condition).status == status

    def test_if_none_match_compares_the_current_entity_tag(self, filled: Api) -> None:
        assert self.delete(filled, If_None_Match=self.tag(filled)).status == 412

    @pytest.mark.parametrize("condition", ["7", '"7', "", "wf"])
    def test_a_malformed_condition_is_refused(self, filled: Api, condition: str) -> None:
        refused = self.delete(filled, If_Match=condition)
        assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "If-Match")

    def test_both_conditions_must_hold(self, filled: Api) -> None:
        assert self.delete(filled, If_Match='"3"', If_None_Match='"3"').status == 412
        assert self.delete(filled, If_Match='"3"', If_None_Match='"2"').status == 204

    def test_if_match_takes_precedence_over_if_unmodified_since(self, filled: Api) -> None:
        long_ago = "Sat, 29 Oct 1994 19:43:31 GMT"
        assert self.delete(filled, If_Match='"3"', If_Unmodified_Since=long_ago).status == 204

    def test_an_unknown_stream_is_reported_before_a_failed_condition(self, api: Api) -> None:
        assert self.delete(api, If_Match='"3"').status == 404
        api.publish(cloudevent("1"), query="?stream=wf")
        self.delete(api, "?permanent=true")
        assert self.delete(api, If_Match='"3"').status == 410


def test_a_publish_compares_a_whole_entity_tag_in_every_part(filled: Api) -> None:
    known = filled.get("/api/v1/streams/wf").headers["etag"]
    filled.call("DELETE", "/api/v1/streams/wf")
    refused = filled.publish(cloudevent("new"), query="?stream=wf", headers={"If-Match": known})
    assert (refused.status, refused.json["actual"]) == (412, 3)
    assert "ETag" in refused.json["detail"]
    known = filled.get("/api/v1/streams/wf").headers["etag"]
    filled.call("POST", "/api/v1/epoch")
    assert filled.publish(cloudevent("new"), query="?stream=wf", headers={"If-Match": known}).status == 412
    known = filled.get("/api/v1/streams/wf").headers["etag"]
    assert filled.publish(cloudevent("new"), query="?stream=wf", headers={"If-Match": known}).status == 201
    assert filled.publish(cloudevent("newer"), query="?stream=wf", headers={"If-Match": '"4"'}).status == 201


def test_if_none_match_creates_a_stream_only_if_it_is_new(api: Api) -> None:
    def create(**members: object) -> Reply:
        headers = {**JSON, "If-None-Match": "*"}
        return api.call("POST", "/api/v1/streams", body=json.dumps(members).encode(), headers=headers)

    assert create(id="wf").status == 201
    assert (create(id="wf").status, create(id="wf", labels={"a": "b"}).status) == (412, 412)
    assert api.get("/api/v1/streams/wf").json["labels"] == {}
