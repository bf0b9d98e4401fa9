from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

import pytest

from functions.hub import hub
from tests.functional.rest.api import cloudevent

if TYPE_CHECKING:
    from tests.functional.rest.api import Api


def test_events_of_all_streams_come_in_the_order_they_were_stored(api: Api) -> None:
    for number in range(6):
        api.publish(cloudevent(str(number), workflowid=f"wf-{number % 3}"))
        _next_millisecond()
    assert api.get("/api/v1/events").ids == ["0", "1", "2", "3", "4", "5"]


def test_descending_order_reverses_the_events(api: Api) -> None:
    for number in range(4):
        api.publish(cloudevent(str(number), workflowid=f"wf-{number % 2}"))
        _next_millisecond()
    assert api.get("/api/v1/events?order=desc").ids == ["3", "2", "1", "0"]


def test_an_event_carries_its_stream_and_sequence(api: Api) -> None:
    api.publish(cloudevent("1"), query="?stream=audit")
    event = api.get("/api/v1/events").json["events"][0]
    assert (event["hubstream"], event["hubsequence"]) == ("audit", "1")


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("type=io.flunq.task.completed", ["1"]),
        ("type=io.flunq.*", ["1", "2"]),
        ("type=io.flunq.task.completed&type=other", ["1", "3"]),
        ("source=/b", ["2"]),
        ("subject=s", ["3"]),
        ("workflowid=w1&tenantid=t1", ["1"]),
        ("executionid=x", ["2"]),
        ("stream=t1:w1&stream=w2", ["1", "2"]),
        ("type=io.flunq.*&source=/c", []),
        ("filter=type%20LIKE%20'io.flunq.%25'%20AND%20source%20!%3D%20'/a'", ["2"]),
        ("filter=subject%3D's'&filter=executionid%3D'x'", ["2", "3"]),
        ("filter=hubstream%3D'w2'%20AND%20hubsequence%3D1", ["2"]),
        ("filter=EXISTS%20workflowid&source=/a", ["1"]),
        ("filter=LENGTH(subject)", []),
        ("since=2001-01-01T00:00:00Z", ["1", "2", "3"]),
        ("until=2001-01-01T00:00:00%2B02:00", []),
        ("since=2001-01-01T00:00:00.0005Z&until=9999-12-31T23:59:60Z", ["1", "2", "3"]),
        ("until=1960-01-01T00:00:00Z&order=desc", []),
    ],
)
def test_a_query_selects_events(api: Api, query: str, ids: list[str]) -> None:
    api.publish(cloudevent("1", source="/a", workflowid="w1", tenantid="t1"))
    api.publish(cloudevent("2", source="/b", workflowid="w2", executionid="x") | {"type": "io.flunq.timer.fired"})
    api.publish(cloudevent("3", source="/c", subject="s") | {"type": "other"})
    assert sorted(api.get(f"/api/v1/events?{query}").ids) == ids


def test_pages_lead_to_each_other_until_the_end(api: Api) -> None:
    api.publish(*(cloudevent(str(number)) for number in range(5)))
    seen: list[str] = []
    url = "/api/v1/events?limit=2"
    while url:
        reply = api.get(url)
        seen += reply.ids
        cursor = reply.json.get("next")
        url = cursor and f"/api/v1/events?limit=2&cursor={cursor}"
    assert seen == ["0", "1", "2", "3", "4"]


def test_the_cursor_of_the_last_page_resumes_later(api: Api) -> None:
    api.publish(cloudevent("1"))
    cursor = api.get("/api/v1/events").json["cursor"]
    _next_millisecond()
    api.publish(cloudevent("2"))
    assert api.get(f"/api/v1/events?cursor={cursor}").ids == ["2"]


def test_a_bare_batch_names_its_next_page_in_a_link(api: Api) -> None:
    api.publish(*(cloudevent(str(number)) for number in range(3)))
    reply = api.get("/api/v1/events?limit=2&type=io.*", Accept="application/cloudevents-batch+json")
    assert reply.headers["content-type"] == "application/cloudevents-batch+json"
    assert [event["id"] for event in reply.json] == ["0", "1"]
    target = reply.headers["link"].partition(">")[0].removeprefix("<")
    # The URL of the client starts with the stage; the path of the function does not.
    assert target.startswith("/v1/api/v1/events?")
    assert api.get(target.removeprefix("/v1")).ids == ["2"]
    assert "type=io.*" in unquote(urlsplit(target).query)


@pytest.mark.parametrize(
    "accept", ["application/json", "*/*", "application/cloudevents-batch+json;q=0.1, application/json", ""]
)
def test_a_reader_that_prefers_json_gets_json(api: Api, accept: str) -> None:
    assert api.get("/api/v1/events", Accept=accept).headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("typ=x", "typ"),
        ("filter=type%20%3D", "filter"),
        ("filter=", "filter"),
        ("type=", "type"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("limit=10&limit=20", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("order=up", "order"),
        ("since=yesterday", "since"),
        ("since=2001-02-30T00:00:00Z", "since"),
        ("since=2001-01-01T00:00:61Z", "since"),
        ("until=2001-01-01T00:00:00+02:00", "until"),
        ("cursor=x", "cursor"),
        ("cursor=ü", "cursor"),
        ("stream=a/b", "stream"),
    ],
)
def test_a_parameter_that_breaks_a_rule_is_refused_by_name(api: Api, query: str, pointer: str) -> None:
    problem = api.get(f"/api/v1/events?{query}")
    assert (problem.status, problem.json["errors"][0]["pointer"]) == (422, pointer)


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/streams/default/events"])
def test_an_expression_that_breaks_a_rule_is_refused_at_its_place(api: Api, path: str) -> None:
    problem = api.get(f"{path}?filter=type%20%3D%20'a'%20AND%20)")
    assert (problem.status, problem.json["code"], problem.json["position"]) == (422, "invalid-filter", 15)
    assert problem.json["errors"][0]["pointer"] == "filter"


def test_an_unknown_sql_function_is_refused(api: Api) -> None:
    problem = api.get("/api/v1/events?filter=LENGHT(type)%20%3D%203").json
    assert (problem["code"], problem["position"]) == ("invalid-filter", 0)


def test_pages_keep_their_filter(api: Api) -> None:
    api.publish(*(cloudevent(str(number), subject=str(number % 2)) for number in range(6)))
    reply = api.get("/api/v1/streams/default/events?limit=2&filter=subject%20%3D%20'1'")
    target = reply.headers["link"].partition(">")[0].removeprefix("<")
    assert (reply.ids, api.get(target.removeprefix("/v1")).ids) == (["1", "3"], ["5"])


def test_a_misspelt_parameter_is_refused_with_the_known_ones(api: Api) -> None:
    assert "type, source, subject" in api.get("/api/v1/events?typ=x").json["detail"]


def test_a_cursor_of_a_store_before_its_reset_is_gone(api: Api) -> None:
    api.publish(cloudevent("1"))
    cursor = api.get("/api/v1/events").json["cursor"]
    api.call("DELETE", "/api/v1/streams/default")
    hub().log._client.flushall()  # type: ignore[attr-defined]
    problem = api.get(f"/api/v1/events?cursor={cursor}")
    assert (problem.status, problem.json["code"]) == (410, "new-epoch")


@pytest.mark.parametrize(
    "event_id", ["a/b", "a b", "ü", "a%b", "a%2Fb", "a+b", "%", "'\"<>\\`{}|^[]", "..", "\U0001f600"]
)
def test_any_id_is_found_by_its_percent_encoding(api: Api, event_id: str) -> None:
    api.publish(cloudevent(event_id))
    reply = api.get(f"/api/v1/events/{quote(event_id, safe='')}")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/cloudevents+json")
    assert reply.json["id"] == event_id


def test_an_id_that_is_not_utf8_is_refused(api: Api) -> None:
    assert api.get("/api/v1/events/%FF").status == 400


def test_an_unknown_id_is_not_found(api: Api) -> None:
    problem = api.get("/api/v1/events/none")
    assert (problem.status, problem.json["code"]) == (404, "event-not-found")


def test_an_id_of_several_events_lists_them(api: Api) -> None:
    api.publish(cloudevent("1", source="/a"), cloudevent("1", source="/b", workflowid="w"))
    problem = api.get("/api/v1/events/1")
    assert (problem.status, problem.json["code"]) == (409, "ambiguous-event")
    candidates = sorted(problem.json["candidates"], key=lambda candidate: candidate["source"])
    assert candidates == [{"stream": "default", "source": "/a"}, {"stream": "w", "source": "/b"}]


@pytest.mark.parametrize("query", ["source=/b", "stream=w", "source=/b&stream=w"])
def test_source_or_stream_distinguish_events_with_the_same_id(api: Api, query: str) -> None:
    api.publish(cloudevent("1", source="/a"), cloudevent("1", source="/b", workflowid="w"))
    assert api.get(f"/api/v1/events/1?{query}").json["source"] == "/b"


def test_binary_mode_carries_attributes_as_headers(api: Api) -> None:
    api.publish(cloudevent("1", subject="ü", datacontenttype="application/json", data={"a": 1.0}))
    reply = api.get("/api/v1/events/1?mode=binary")
    assert (reply.body, reply.headers["content-type"]) == (b'{"a": 1.0}', "application/json")
    assert (reply.headers["ce-subject"], reply.headers["ce-hubsequence"]) == ("%C3%BC", "1")


@pytest.mark.parametrize(
    ("members", "media_type", "body"),
    [
        ({"data": [1.0]}, "application/json", b"[1.0]"),
        ({"data_base64": "AP8="}, "application/octet-stream", b"\x00\xff"),
    ],
)
def test_binary_mode_adds_the_default_media_type(
    api: Api, members: dict[str, object], media_type: str, body: bytes
) -> None:
    api.publish(cloudevent("1", **members))
    reply = api.get("/api/v1/events/1?mode=binary")
    assert (reply.headers["content-type"], reply.body) == (media_type, body)


def test_a_page_that_a_publisher_wrote_does_not_run_in_the_hubs_origin(api: Api) -> None:
    """A browser that follows a link to the page would run it with the rights of this origin."""
    written = "<script>fetch('/api/v1/epoch', {method: 'POST'})</script>"
    api.publish(cloudevent("1", datacontenttype="text/html", data=written))
    reply = api.get("/api/v1/events/1?mode=binary")
    assert (reply.body.decode(), reply.headers["content-type"]) == (written, "text/html")
    assert reply.headers["content-security-policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
    assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("members", [{"subject": "x" * 10_000}, {"datacontenttype": 'text/plain; a="ü"'}])
def test_attributes_that_headers_cannot_hold_are_refused_in_binary_mode(api: Api, members: dict[str, object]) -> None:
    api.publish(cloudevent("1", **members))
    assert api.get("/api/v1/events/1?mode=binary").status == 422
    assert api.get("/api/v1/events/1").status == 200


def test_an_unknown_mode_is_refused(api: Api) -> None:
    assert api.get("/api/v1/events/1?mode=xml").json["errors"][0]["pointer"] == "mode"


@pytest.mark.parametrize(("count", "text"), [(50, '"' * 120_000), (180, "x" * 40_000), (130, "")])
def test_pages_of_large_events_stay_below_the_limit_of_lambda_and_miss_nothing(api: Api, count: int, text: str) -> None:
    for number in range(count):
        api.publish(cloudevent(str(number), data=text))
    seen: list[str] = []
    url = "/api/v1/events?limit=1000"
    while url:
        reply = api.get(url)
        assert reply.size < 6 * 1024 * 1024
        seen += reply.ids
        cursor = reply.json.get("next")
        url = cursor and f"/api/v1/events?limit=1000&cursor={cursor}"
    assert seen == [str(number) for number in range(count)]


def _next_millisecond() -> None:
    """Events of several streams that were stored in the same millisecond are in the order of their partitions."""
    before = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 <= before:
        pass
