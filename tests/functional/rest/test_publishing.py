from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.rest.api import cloudevent, recorded

if TYPE_CHECKING:
    from tests.functional.rest.api import Api

STRUCTURED = {"Content-Type": "application/cloudevents+json"}


def post(api: Api, body: bytes | str, *, query: str = "", **headers: str) -> tuple[int, dict[str, object]]:
    content = body.encode() if isinstance(body, str) else body
    reply = api.call("POST", f"/api/v1/events{query}", body=content, headers=STRUCTURED | headers)
    return reply.status, reply.json


def test_an_event_is_stored_and_answered_with_its_position(api: Api) -> None:
    status, body = post(api, json.dumps(cloudevent("1", workflowid="wf-1", tenantid="acme")))
    assert (status, body) == (
        201,
        {"results": [{"stream": "acme:wf-1", "sequence": 1, "id": "1", "duplicate": False}]},
    )


def test_the_same_event_again_is_a_duplicate(api: Api) -> None:
    post(api, json.dumps(cloudevent("1")))
    status, body = post(api, json.dumps(cloudevent("1")))
    assert (status, body["results"]) == (
        200,
        [{"stream": "default", "sequence": 1, "id": "1", "duplicate": True}],
    )


def test_a_batch_with_one_new_event_is_created(api: Api) -> None:
    api.publish(cloudevent("1"))
    reply = api.publish(cloudevent("1"), cloudevent("2"))
    assert (reply.status, [result["duplicate"] for result in reply.json["results"]]) == (201, [True, False])


def test_a_query_names_the_stream(api: Api) -> None:
    assert api.publish(cloudevent(workflowid="wf-1"), query="?stream=audit").json["results"][0]["stream"] == "audit"


def test_binary_mode_keeps_every_byte(api: Api) -> None:
    assert api.invoke(recorded("publish-binary.json")).status == 201
    reply = api.get("/api/v1/events/caf%C3%A9?mode=binary")
    assert (reply.body, reply.headers["content-type"]) == (b"\x00\xff\x80\x81\n\x00", "application/octet-stream")


def test_numbers_are_preserved_verbatim(api: Api) -> None:
    event = '{"specversion":"1.0","id":"1","source":"/s","type":"t","data":[1.0,1e400,12345678901234567890,"\\ud83d"]}'
    assert post(api, event)[0] == 201
    assert b'"data":[1.0,1e400,12345678901234567890,"\\ud83d"]' in api.get("/api/v1/events").body


@pytest.mark.parametrize("version", ['"1"', ' "1" '])
def test_a_correct_expected_version_stores_the_event(api: Api, version: str) -> None:
    api.publish(cloudevent("1"))
    reply = api.publish(cloudevent("2"), query="?stream=default", headers={"If-Match": version})
    assert reply.status == 201


def test_a_wrong_expected_version_is_refused_with_the_actual_one(api: Api) -> None:
    api.publish(cloudevent("1"), cloudevent("2"))
    problem = api.publish(cloudevent("3"), headers={"If-Match": '"1"'})
    assert problem.status == 412
    assert {name: problem.json[name] for name in ("code", "stream", "expected", "actual")} == {
        "code": "wrong-expected-version",
        "stream": "default",
        "expected": 1,
        "actual": 2,
    }


def test_if_none_match_accepts_only_the_first_publish(api: Api) -> None:
    first = api.publish(cloudevent("1"), headers={"If-None-Match": "*"})
    second = api.publish(cloudevent("2"), headers={"If-None-Match": "*"})
    assert (first.status, second.status, second.json["expected"]) == (201, 412, 0)


@pytest.mark.parametrize(
    ("headers", "advice"),
    [
        ({"If-Match": "7"}, "in double quotes"),
        ({"If-Match": 'W/"7"'}, "in double quotes"),
        ({"If-Match": '"7", "8"'}, "one version"),
        ({"If-Match": "*"}, "must be a version"),
        ({"If-None-Match": '"7"'}, "send an expected version as If-Match"),
        ({"If-None-Match": "*", "If-Match": '"7"'}, "send one of them"),
    ],
)
def test_an_unsupported_condition_of_a_publish_is_refused(api: Api, headers: dict[str, str], advice: str) -> None:
    problem = api.publish(cloudevent(), headers=headers)
    assert problem.status == 422
    assert advice in problem.json["detail"]


def test_a_condition_on_events_of_several_streams_is_refused(api: Api) -> None:
    events = cloudevent("1", workflowid="a"), cloudevent("2", workflowid="b")
    assert api.publish(*events, headers={"If-Match": '"0"'}).status == 422


def test_another_event_under_the_same_id_is_refused(api: Api) -> None:
    api.publish(cloudevent("1", data=1))
    problem = api.publish(cloudevent("0"), cloudevent("1", data=2))
    assert (problem.status, problem.json["code"]) == (409, "event-conflict")
    assert (problem.json["stream"], problem.json["sequence"], problem.json["index"]) == ("default", 1, 1)


def test_a_publish_that_fails_halfway_reports_the_stored_events(api: Api) -> None:
    api.publish(cloudevent("1", workflowid="b", data=1))
    problem = api.publish(cloudevent("0", workflowid="a"), cloudevent("1", workflowid="b", data=2))
    assert (problem.status, problem.json["code"]) == (409, "event-conflict")
    assert problem.json["results"] == [{"stream": "a", "sequence": 1, "id": "0", "duplicate": False}, None]


def test_an_invalid_event_is_refused_with_its_place(api: Api) -> None:
    problem = api.publish(cloudevent("1"), cloudevent("2", source=""))
    assert problem.status == 422
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json["type"] == "urn:flunq:problem:invalid-event"
    assert problem.json["errors"][0]["pointer"] == "/1/source"


def test_an_event_that_is_too_large_is_refused(api: Api) -> None:
    problem = api.publish(cloudevent("1", data="x" * 256 * 1024))
    assert (problem.status, problem.json["code"], problem.json["errors"][0]["pointer"]) == (413, "too-large", "/0")


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"id": "<" * 70_000}, "/0/id"),
        ({"source": "/" + "a" * 70_000}, "/0/source"),
        ({"id": "é" * 1025, "data": "x" * 64 * 1024}, "/0/id"),
        ({"type": "t" * 66_000}, "/0"),
        ({"x": "y" * 33_000, "z": "é" * 17_000, "data": 1}, "/0"),
    ],
)
def test_attributes_that_are_too_large_are_refused(api: Api, members: dict[str, Any], pointer: str) -> None:
    problem = api.publish(cloudevent("1") | members)
    assert (problem.status, problem.json["code"], problem.json["errors"][0]["pointer"]) == (413, "too-large", pointer)
    assert "at most" in problem.json["detail"]


@pytest.mark.parametrize("members", [{"id": "<" * 65_000}, {"source": "/" + "a" * 65_000}, {"x": "y" * 65_000}])
def test_an_event_of_64_kib_is_accepted_whatever_its_content(api: Api, members: dict[str, Any]) -> None:
    assert api.publish(cloudevent("1") | members).status == 201


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        ("application/cloudevents+json", b"{", 400, "malformed"),
        ("application/cloudevents+json", b"\xff", 400, "malformed"),
        ("application/cloudevents-batch+json", b"{}", 400, "malformed"),
        ("application/cloudevents+xml", b"<e/>", 415, "unsupported-media-type"),
        ("application/json", b"{}", 415, "unsupported-media-type"),
    ],
)
def test_a_body_that_is_not_an_event_is_refused(
    api: Api, content_type: str, body: bytes, status: int, code: str
) -> None:
    problem = api.call("POST", "/api/v1/events", body=body, headers={"Content-Type": content_type})
    assert (problem.status, problem.json["code"]) == (status, code)


def test_a_publish_without_a_body_is_refused(api: Api) -> None:
    assert api.call("POST", "/api/v1/events", headers=STRUCTURED).status == 400


def test_an_invalid_stream_name_is_refused(api: Api) -> None:
    problem = api.publish(cloudevent(), query="?stream=a%20b")
    assert (problem.status, problem.json["errors"][0]["pointer"]) == (422, "stream")


def test_an_empty_batch_is_stored_and_has_no_results(api: Api) -> None:
    for query in ("", "?stream=s"):
        reply = api.publish(query=query)
        assert (reply.status, reply.json) == (200, {"results": []})
    assert api.get("/api/v1/streams").json["streams"] == []


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        (b'[{"specversion":"1.0"}, 7]', "/0/id", "is missing"),
        (b"[7]", "/0", "must be a JSON object, not a number"),
        (b"[null]", "/0", "not null"),
        (b'["x"]', "/0", "not a string"),
        (b"[[{}]]", "/0", "not an array"),
        (b'[{"id":"1","id":"2"}]', "/0", "duplicate member 'id'"),
        (b'[1,{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}]", "/1", "nested too deeply"),
    ],
)
def test_an_error_in_a_batch_names_its_place(api: Api, body: bytes, pointer: str, words: str) -> None:
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    reply = api.call("POST", "/api/v1/events", body=body, headers=headers)
    assert reply.status in {400, 422}
    assert reply.json["errors"][0]["pointer"] == pointer
    assert words in reply.json["detail"]


@pytest.mark.parametrize("name", [".", ".."])
def test_no_stream_is_named_like_a_dot_segment(api: Api, name: str) -> None:
    reply = api.publish(cloudevent("1"), query=f"?stream={name}")
    assert (reply.status, reply.json["code"]) == (422, "invalid-stream")
    assert "a path segment that clients remove" in reply.json["detail"]
    assert api.create(id=name).status == 422


def test_a_header_beyond_ascii_is_refused_with_its_encoding(api: Api) -> None:
    headers = {"ce-id": "1", "ce-source": "/a", "ce-type": "t", "ce-specversion": "1.0", "ce-subject": "caf\u00e9"}
    reply = api.call("POST", "/api/v1/events", body=b"", headers=headers)
    assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, "/subject")
    assert "U+00E9" in reply.json["detail"]
    assert "percent-encode" in reply.json["detail"]


def test_an_event_without_data_is_read_in_binary_mode_without_a_media_type(api: Api) -> None:
    api.publish(cloudevent("1"), query="?stream=s")
    reply = api.get("/api/v1/events/1?mode=binary")
    assert (reply.status, reply.body) == (200, b"")
    assert "content-type" not in reply.headers
