"""Changing a stream's settings: `PATCH /api/v1/streams/{stream}`, a JSON merge patch (RFC 7396)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from functions.hub import hub
from tests.functional.rest.api import cloudevent

if TYPE_CHECKING:
    from tests.functional.rest.api import Api, Reply

_URL = "/api/v1/streams/s"


def patch(api: Api, body: Any, *, url: str = _URL, **headers: str) -> Reply:  # noqa: ANN401 - JSON is anything
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = {"Content-Type": "application/merge-patch+json"}
    return api.call("PATCH", url, body=json.dumps(body).encode(), headers=kind | named)


def publish(api: Api, count: int) -> None:
    api.publish(*(cloudevent(str(number)) for number in range(1, count + 1)), query="?stream=s")


def test_a_stream_that_its_first_publish_made_gets_a_retention(api: Api) -> None:
    publish(api, 5)
    reply = patch(api, {"retention": {"max_events": 2}})
    assert (reply.status, reply.json["retention"]) == (200, {"max_events": 2})
    assert api.get(_URL).json["retention"] == {"max_events": 2}
    assert hub().log.streams_with_retention(0) or any(
        hub().log.streams_with_retention(p) for p in range(hub().log.partitions)
    )


def test_the_next_append_removes_what_the_new_retention_does_not_keep(api: Api) -> None:
    publish(api, 5)
    patch(api, {"retention": {"max_events": 2}})
    api.publish(cloudevent("6"), query="?stream=s")
    assert api.get(f"{_URL}/events").ids == ["5", "6"]


def test_null_removes_a_setting_and_absent_settings_stay(api: Api) -> None:
    api.create(id="s", retention={"max_events": 10, "max_age": 60}, labels={"a": "1", "b": "2"})
    body = patch(api, {"retention": {"max_age": None}, "labels": {"a": None, "c": "3"}}).json
    assert (body["retention"], body["labels"]) == ({"max_events": 10}, {"b": "2", "c": "3"})
    body = patch(api, {"retention": None}).json
    assert (body["retention"], body["labels"]) == ({}, {"b": "2", "c": "3"})
    assert not any(hub().log.streams_with_retention(p) for p in range(hub().log.partitions))
    body = patch(api, {"labels": None}).json
    assert body["labels"] == {}


def test_the_entity_tag_changes_with_the_settings_and_is_a_condition(api: Api) -> None:
    publish(api, 1)
    tag = api.get(_URL).headers["etag"]
    changed = patch(api, {"labels": {"a": "1"}}, If_Match=tag)
    assert (changed.status, changed.headers["etag"]) == (200, api.get(_URL).headers["etag"])
    assert changed.headers["etag"] != tag
    assert api.get(_URL, If_None_Match=tag).status == 200
    assert patch(api, {"labels": {"a": "2"}}, If_Match=tag).status == 412
    assert api.get(_URL).json["labels"] == {"a": "1"}
    assert patch(api, {"labels": {"a": "2"}}, If_Match=changed.headers["etag"]).status == 200
    assert patch(api, {"labels": {"a": "3"}}, If_Match='"1"').status == 200
    assert patch(api, {"labels": {"a": "4"}}, If_Match='"7"').status == 412


def test_the_entity_tag_of_a_description_is_a_condition_of_a_publish_too(api: Api) -> None:
    publish(api, 1)
    tag = patch(api, {"labels": {"a": "1"}}).headers["etag"]
    assert api.publish(cloudevent("2"), query="?stream=s", headers={"If-Match": tag}).status == 201
    assert api.publish(cloudevent("3"), query="?stream=s", headers={"If-Match": tag}).status == 412


def test_repeating_a_change_changes_nothing(api: Api) -> None:
    publish(api, 1)
    tags = {patch(api, {"retention": {"max_events": 5}}).headers["etag"] for _ in range(2)}
    assert len(tags) == 1


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        ({}, "", "send at least one of"),
        ({"retention": {"max_events": 0}}, "/retention/max_events", "must be at least 1"),
        ({"retention": {"max_events": "7"}}, "/retention/max_events", "must be an integer"),
        ({"retention": 7}, "/retention", "must be an object"),
        ({"retention": {"days": 1}}, "/retention/days", "is no member"),
        ({"labels": {"a": 1}}, "/labels/a", "must be a string"),
        ({"id": "t"}, "/id", "is no member"),
        ({"labels": {str(n): "x" for n in range(65)}}, "/labels", "64"),
    ],
)
def test_an_invalid_setting_is_explained(api: Api, body: object, pointer: str, words: str) -> None:
    publish(api, 1)
    reply = patch(api, body)
    assert (reply.status, reply.json["code"]) == (422, "invalid-body")
    assert reply.json["errors"][0]["pointer"] == pointer
    assert words in reply.json["errors"][0]["detail"]
    assert "Input" not in reply.json["detail"]


def test_labels_cannot_exceed_the_limit_of_a_stream(api: Api) -> None:
    api.create(id="s", labels={str(n): "x" for n in range(60)})
    reply = patch(api, {"labels": {f"more-{n}": "x" for n in range(5)}})
    assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, "/labels")


def test_an_unknown_stream_is_not_changed(api: Api) -> None:
    assert patch(api, {"labels": {}}, url="/api/v1/streams/none").status == 404
    publish(api, 1)
    api.call("DELETE", f"{_URL}?permanent=true")
    assert patch(api, {"labels": {"a": "1"}}).status == 410


def test_another_media_type_is_refused(api: Api) -> None:
    publish(api, 1)
    assert patch(api, {"labels": {}}, Content_Type="text/plain").status == 415
