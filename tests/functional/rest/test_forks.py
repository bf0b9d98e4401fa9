"""Forking a stream: `POST /api/v1/streams/{stream}/fork`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.write import stream_admin
from tests.functional.rest.api import cloudevent

if TYPE_CHECKING:
    from tests.functional.rest.api import Api, Reply

_URL = "/api/v1/streams/acme:wf/fork"
_FORK = "/api/v1/streams/acme:wf~fork"


def fork(api: Api, url: str = _URL, **body: Any) -> Reply:  # noqa: ANN401 - JSON is anything
    return api.call("POST", url, body=json.dumps(body).encode(), headers={"Content-Type": "application/json"})


def publish(api: Api, count: int) -> None:
    events = (cloudevent(str(number), data={"n": number}) for number in range(1, count + 1))
    assert api.publish(*events, query="?stream=acme:wf").status == 201


def test_a_fork_is_made_once_and_described_with_its_origin(api: Api) -> None:
    publish(api, 3)
    reply = fork(api, to="acme:wf~fork", until=2)
    assert (reply.status, reply.headers["location"].endswith(_FORK)) == (201, True)
    assert (reply.json["id"], reply.json["head"]) == ("acme:wf~fork", 2)
    assert reply.json["forked_from"] == {"stream": "acme:wf", "first": 1, "until": 2, "complete": True}
    again = fork(api, to="acme:wf~fork", until=2)
    assert (again.status, again.json) == (200, reply.json)
    assert api.get(_FORK).json == reply.json
    assert "forked_from" not in api.get("/api/v1/streams/acme:wf").json
    source, copied = (api.get(f"/api/v1/streams/{name}/events").json["events"] for name in ("acme:wf", "acme:wf~fork"))
    own = {"hubstream": "acme:wf~fork"}
    assert copied == [event | own | {"hubtime": copied[0]["hubtime"]} for event in source[:2]]


def test_events_of_a_fork_are_found_only_by_who_names_it(api: Api) -> None:
    publish(api, 2)
    fork(api, to="acme:wf~fork")
    assert [event["hubstream"] for event in api.get("/api/v1/events").json["events"]] == ["acme:wf"] * 2
    assert len(api.get("/api/v1/events?stream=acme:wf~fork").json["events"]) == 2
    assert api.get("/api/v1/events/1").json["hubstream"] == "acme:wf"
    assert api.get("/api/v1/events/1?stream=acme:wf~fork").json["hubstream"] == "acme:wf~fork"
    assert [stream["id"] for stream in api.get("/api/v1/streams").json["streams"]] == ["acme:wf", "acme:wf~fork"]


def test_a_publish_whose_workflow_looks_like_a_fork_is_stored_under_another_name(api: Api) -> None:
    reply = api.publish(cloudevent("1", workflowid="a~fork"), cloudevent("2", tenantid="acme", workflowid="~fork"))
    assert [result["stream"] for result in reply.json["results"]] == ["a~7Efork", "acme:~7Efork"]
    assert len(api.get("/api/v1/events").json["events"]) == 2


def test_a_change_of_labels_keeps_the_origin(api: Api) -> None:
    publish(api, 1)
    before = fork(api, to="acme:wf~fork").json
    body = b'{"labels": {"who": "me"}, "retention": {"max_events": 9}}'
    headers = {"Content-Type": "application/merge-patch+json"}
    assert api.call("PATCH", _FORK, body=body, headers=headers).json["forked_from"] == before["forked_from"]
    assert api.call("PATCH", _FORK, body=b'{"labels": null}', headers=headers).json == before | {
        "retention": {"max_events": 9}
    }


def test_a_fork_whose_time_is_over_is_answered_202_and_continued(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for start in range(0, 120, 40):
        api.publish(*(cloudevent(str(number)) for number in range(start, start + 40)), query="?stream=acme:wf")
    monkeypatch.setattr(stream_admin, "_COPY_MILLISECONDS", -1)
    reply = fork(api, to="acme:wf~fork")
    assert (reply.status, reply.json["forked_from"]["complete"], reply.json["head"]) == (202, False, 32)
    monkeypatch.undo()
    reply = fork(api, to="acme:wf~fork")
    assert (reply.status, reply.json["forked_from"]["complete"], reply.json["head"]) == (200, True, 120)


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        ({"to": "acme:wf~fork", "until": 3}, "/until", "ends at sequence 2"),
        ({"to": "acme:wf~fork", "until": 0}, "/until", "at least 1"),
        ({"to": "acme:wf~fork", "until": "2"}, "/until", "integer"),
        ({"to": "shadow"}, "/to", "name it 'acme:wf~fork', for example"),
        ({"to": "a b~fork"}, "/to", "contains ' '"),
        ({"until": 1}, "/to", "is missing"),
        ({"to": "acme:wf~fork", "from": 1}, "/from", "no member that this call knows"),
    ],
)
def test_a_wrong_request_is_told_what_would_be_right(api: Api, body: Any, pointer: str, words: str) -> None:  # noqa: ANN401 - JSON
    publish(api, 2)
    reply = fork(api, **body)
    assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, pointer)
    assert words in reply.json["detail"] + str(reply.json["errors"])
    assert api.get(_FORK).status == 404


def test_what_contradicts_the_store_is_a_conflict_or_gone(api: Api) -> None:
    publish(api, 2)
    assert fork(api, "/api/v1/streams/none/fork", to="a~fork").json["code"] == "stream-not-found"
    fork(api, to="acme:wf~fork", until=1)
    reply = fork(api, to="acme:wf~fork", until=2)
    assert (reply.status, reply.json["code"]) == (409, "stream-conflict")
    api.call("DELETE", "/api/v1/streams/acme:wf?permanent=true")
    assert fork(api, to="acme:wf~fork", until=1).status == 200
    reply = fork(api, to="b~fork")
    assert (reply.status, reply.json["code"]) == (410, "stream-gone")
