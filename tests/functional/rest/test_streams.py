from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from functions.hub import hub
from tests.examples import event
from tests.functional.rest.api import Api, cloudevent, proxied, recorded
from tests.trusted import Trusted

if TYPE_CHECKING:
    from collections.abc import Callable


BATCH = "application/cloudevents-batch+json"


def published(api: Api, count: int, *, stream: str = "s") -> None:
    reply = api.publish(*(cloudevent(str(number)) for number in range(1, count + 1)), query=f"?stream={stream}")
    assert reply.status == 201


def publishing(stream: str = "s") -> Callable[[], None]:
    """Publish from another thread once a reader waits; return a function that joins the thread."""
    return once_one_waits(lambda store: store.publish([event("late")], stream=stream))


def once_one_waits(act: Callable[[Trusted], object]) -> Callable[[], None]:
    """Run an action in another thread once a reader waits; return a function that joins the thread."""
    client = hub().log._client  # type: ignore[attr-defined]
    store = Trusted(hub().publisher, hub().streams)
    failures: list[BaseException] = []

    def publish() -> None:
        try:
            deadline = time.monotonic() + 5
            while not client.info("clients")["blocked_clients"]:
                assert time.monotonic() < deadline, "nobody waits"
            act(store)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread of the test
            failures.append(error)

    thread = threading.Thread(target=publish)
    thread.start()

    def ended() -> None:
        thread.join()
        assert not failures, failures

    return ended


def test_a_stream_reads_back_in_order(api: Api) -> None:
    published(api, 3)
    body = api.get("/api/v1/streams/s/events").json
    assert (body["stream"], body["head"], [event["hubsequence"] for event in body["events"]]) == (
        "s",
        3,
        ["1", "2", "3"],
    )
    assert "next" not in body


def test_a_name_may_be_percent_encoded(api: Api) -> None:
    published(api, 2, stream="acme:wf-1")
    reply = api.invoke(recorded("read-stream.json"))
    assert (reply.json["stream"], reply.ids) == ("acme:wf-1", ["1"])
    # Behind a custom domain, the URL of the client has no stage.
    assert reply.headers["link"].startswith("</api/v1/streams/acme%3Awf-1/events?limit=1&cursor=")


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("from=2", ["2", "3", "4", "5"]),
        ("to=2", ["1", "2"]),
        ("from=2&to=3", ["2", "3"]),
        ("from=4&to=3", []),
        ("from=6", []),
        ("direction=backwards", ["5", "4", "3", "2", "1"]),
        ("direction=backwards&limit=2&to=4", ["4", "3"]),
        ("subject=odd", ["1", "3", "5"]),
        ("source=/none", []),
    ],
)
def test_a_query_selects_events_of_a_stream(api: Api, query: str, ids: list[str]) -> None:
    events = [cloudevent(str(number), subject="odd" if number % 2 else "even") for number in range(1, 6)]
    api.publish(*events, query="?stream=s")
    assert api.get(f"/api/v1/streams/s/events?{query}").ids == ids


@pytest.mark.parametrize("direction", ["forwards", "backwards"])
def test_pages_of_a_stream_lead_to_each_other(api: Api, direction: str) -> None:
    published(api, 5)
    seen: list[str] = []
    query = f"limit=2&direction={direction}"
    cursor = ""
    while cursor is not None:
        reply = api.get(f"/api/v1/streams/s/events?{query}{cursor and '&cursor='}{cursor}")
        seen += reply.ids
        cursor = reply.json.get("next")
    assert seen == sorted("12345", reverse=direction == "backwards")


def test_many_events_come_in_one_page(api: Api) -> None:
    published(api, 450)
    assert api.get("/api/v1/streams/s/events?limit=430").ids == [str(number) for number in range(1, 431)]


def test_pages_of_large_events_of_a_stream_stay_below_the_limit_of_lambda(api: Api) -> None:
    for number in range(1, 51):
        api.publish(cloudevent(str(number), data="x" * 240_000), query="?stream=s")
    reply = api.get("/api/v1/streams/s/events?limit=1000&direction=backwards")
    assert reply.size < 6 * 1024 * 1024
    assert reply.ids[0] == "50"
    further = api.get(f"/api/v1/streams/s/events?limit=1&direction=backwards&cursor={reply.json['next']}")
    assert int(further.ids[0]) == int(reply.ids[-1]) - 1


def test_a_bare_batch_of_a_stream_is_an_array(api: Api) -> None:
    published(api, 2)
    reply = api.get("/api/v1/streams/s/events?limit=1", Accept=BATCH)
    assert ([event["id"] for event in reply.json], reply.headers["content-type"]) == (["1"], BATCH)
    assert 'rel="next"' in reply.headers["link"]
    assert reply.headers["vary"] == "Accept, Prefer"


def test_an_unchanged_stream_is_not_sent_again(api: Api) -> None:
    published(api, 2)
    tag = api.get("/api/v1/streams/s/events").headers["etag"]
    reply = api.get("/api/v1/streams/s/events", If_None_Match=f'"0.1.aa", W/{tag}')
    assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", tag)


def test_a_changed_stream_is_sent_again(api: Api) -> None:
    published(api, 1)
    tag = api.get("/api/v1/streams/s/events").headers["etag"]
    api.publish(cloudevent("9"), query="?stream=s")
    assert api.get("/api/v1/streams/s/events", If_None_Match=tag).ids == ["1", "9"]


def test_an_entity_tag_of_a_read_is_a_condition_of_a_publish(api: Api) -> None:
    published(api, 1)
    tag = api.get("/api/v1/streams/s/events").headers["etag"]
    assert api.publish(cloudevent("2"), query="?stream=s", headers={"If-Match": tag}).status == 201
    assert api.publish(cloudevent("3"), query="?stream=s", headers={"If-Match": tag}).status == 412


def test_a_long_poll_is_answered_when_an_event_is_published(api: Api) -> None:
    published(api, 1)
    ended = publishing()
    reply = api.get("/api/v1/streams/s/events?from=2", Prefer="wait=20")
    ended()
    assert (reply.ids, reply.headers["preference-applied"]) == (["late"], "wait=20")


def test_a_long_poll_may_wait_for_a_stream_that_does_not_exist_yet(api: Api) -> None:
    ended = publishing("new")
    reply = api.get("/api/v1/streams/new/events", Prefer="wait=20")
    ended()
    assert reply.ids == ["late"]


def test_a_long_poll_with_the_current_entity_tag_waits_for_the_next_event(api: Api) -> None:
    published(api, 1)
    tag = api.get("/api/v1/streams/s/events").headers["etag"]
    ended = publishing()
    reply = api.get("/api/v1/streams/s/events", If_None_Match=tag, Prefer="wait=20")
    ended()
    assert (reply.status, reply.ids) == (200, ["1", "late"])


def test_a_long_poll_that_times_out_is_answered_without_events(api: Api) -> None:
    published(api, 1)
    reply = api.get("/api/v1/streams/s/events?from=2", Prefer="wait=1")
    assert (reply.status, reply.ids, reply.headers["preference-applied"]) == (200, [], "wait=1")


def test_a_wait_ends_before_the_function_does(api: Api) -> None:
    published(api, 1)
    reply = Api(seconds=3.5).get("/api/v1/streams/s/events?from=2", Prefer="wait=600")
    assert reply.headers["preference-applied"] == "wait=1"


def test_a_wait_is_at_most_25_seconds(api: Api) -> None:
    published(api, 1)
    reply = Api(seconds=900).get("/api/v1/streams/s/events", Prefer="respond-async, wait=600")
    assert reply.headers["preference-applied"] == "wait=25"


@pytest.mark.parametrize("preference", ["wait", "wait=soon", "await=5", "return=minimal"])
def test_an_unknown_preference_is_ignored(api: Api, preference: str) -> None:
    published(api, 1)
    reply = api.get("/api/v1/streams/s/events", Prefer=preference)
    assert (reply.status, "preference-applied" in reply.headers) == (200, False)


def test_a_stream_that_is_not_there_is_not_found(api: Api) -> None:
    problem = api.get("/api/v1/streams/none/events")
    assert (problem.status, problem.json["code"]) == (404, "stream-not-found")


@pytest.mark.parametrize("query", ["stream=x", "order=desc", "from=0", "to=-1", "from=1e3", "direction=up"])
def test_a_parameter_that_a_stream_does_not_take_is_refused(api: Api, query: str) -> None:
    published(api, 1)
    assert api.get(f"/api/v1/streams/s/events?{query}").json["errors"][0]["pointer"] == query.partition("=")[0]


def test_a_stream_is_created_with_its_settings(api: Api) -> None:
    reply = api.create(id="s", retention={"max_age": 60, "max_events": 5}, labels={"team": "billing"})
    assert (reply.status, reply.headers["location"]) == (201, "/v1/api/v1/streams/s")
    assert reply.json["retention"] == {"max_age": 60, "max_events": 5}
    assert reply.json["labels"] == {"team": "billing"}
    assert (reply.json["head"], reply.json["first"], reply.json["count"], reply.json["bytes"]) == (0, 1, 0, 0)


def test_an_integer_may_be_written_with_a_decimal_point(api: Api) -> None:
    reply = api.create(id="s", retention={"max_age": 60.0})
    assert (reply.status, reply.json["retention"]) == (201, {"max_age": 60})


def test_creating_a_stream_again_changes_nothing(api: Api) -> None:
    api.create(id="s", retention={"max_events": 5})
    assert api.create(id="s", retention={"max_events": 5}).status == 200


def test_creating_a_stream_with_other_settings_is_refused(api: Api) -> None:
    api.create(id="s", retention={"max_events": 5})
    problem = api.create(id="s")
    assert (problem.status, problem.json["code"]) == (409, "stream-conflict")


def test_retention_keeps_the_newest(api: Api) -> None:
    api.create(id="s", retention={"max_events": 2})
    published(api, 5)
    reply = api.get("/api/v1/streams/s/events")
    assert (reply.ids, reply.headers["etag"].split(".")[1]) == (["4", "5"], "4")


def test_every_wrong_member_of_a_body_is_named(api: Api) -> None:
    problem = api.create(id="s", retention={"max_age": 0, "max_event": 1}, labels={"a": 1})
    assert problem.status == 422
    pointers = [error["pointer"] for error in problem.json["errors"]]
    assert pointers == ["/retention/max_age", "/retention/max_event", "/labels/a"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"", "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"id":"a b"}', "application/json", 422),
        (b'{"id":"a"}', "text/plain", 415),
    ],
)
def test_an_invalid_body_is_refused(api: Api, body: bytes, content_type: str, status: int) -> None:
    reply = api.call("POST", "/api/v1/streams", body=body, headers={"Content-Type": content_type})
    assert reply.status == status


def test_a_stream_describes_itself(api: Api) -> None:
    published(api, 3)
    reply = api.get("/api/v1/streams/s")
    assert (reply.json["id"], reply.json["head"], reply.json["count"]) == ("s", 3, 3)
    assert reply.json["created"].endswith("Z")
    assert api.get("/api/v1/streams/s", If_None_Match=reply.headers["etag"]).status == 304


def test_streams_are_listed_by_name_page_by_page(api: Api) -> None:
    for name in ("b", "a2", "a1", "c", "a3"):
        published(api, 1, stream=name)
    first = api.get("/api/v1/streams?prefix=a&limit=2")
    second = api.get(first.headers["link"].partition(">")[0].removeprefix("</v1"))
    assert [stream["id"] for stream in first.json["streams"]] == ["a1", "a2"]
    assert [stream["id"] for stream in second.json["streams"]] == ["a3"]
    assert "next" not in second.json


@pytest.mark.parametrize("query", ["prefix=a%20b", "cursor=x", "cursor=bmEgYg", "limit=0", "prefx=a"])
def test_an_unknown_parameter_of_the_list_is_refused(api: Api, query: str) -> None:
    assert api.get(f"/api/v1/streams?{query}").status == 422


def test_a_deleted_stream_is_empty_and_goes_on_counting(api: Api) -> None:
    published(api, 3)
    assert api.call("DELETE", "/api/v1/streams/s").status == 204
    assert api.get("/api/v1/streams/s/events").ids == []
    assert api.publish(cloudevent("1"), query="?stream=s").json["results"][0]["sequence"] == 4


def test_a_stream_deleted_for_good_is_gone(api: Api) -> None:
    published(api, 1)
    assert api.call("DELETE", "/api/v1/streams/s?permanent=true").status == 204
    problems = [api.get("/api/v1/streams/s"), api.get("/api/v1/streams/s/events"), api.create(id="s")]
    problems.append(api.publish(cloudevent("2"), query="?stream=s"))
    assert [(problem.status, problem.json["code"]) for problem in problems] == [(410, "stream-gone")] * 4


def test_a_flag_that_is_neither_true_nor_false_deletes_nothing(api: Api) -> None:
    published(api, 1)
    assert api.call("DELETE", "/api/v1/streams/s?permanent=yes").status == 422
    assert api.get("/api/v1/streams/s").json["count"] == 1


@pytest.mark.parametrize("permanently", [False, True])
@pytest.mark.parametrize("conditional", [False, True])
def test_a_deletion_ends_a_long_poll_at_once(api: Api, *, permanently: bool, conditional: bool) -> None:
    published(api, 3)
    headers = {"Prefer": "wait=20"}
    if conditional:
        headers["If-None-Match"] = api.get("/api/v1/streams/s/events").headers["etag"]
    begun = time.monotonic()
    ended = once_one_waits(lambda store: store.delete("s", permanently=permanently))
    reply = api.get("/api/v1/streams/s/events?from=4", **headers)
    ended()
    assert time.monotonic() - begun < 10
    assert (reply.status, reply.json.get("events")) == ((410, None) if permanently else (200, []))


def test_a_page_and_a_batch_of_one_url_share_no_strong_entity_tag(api: Api) -> None:
    published(api, 1)
    page = api.get("/api/v1/streams/s/events")
    batch = api.get("/api/v1/streams/s/events", Accept=BATCH)
    tags = page.headers["etag"], batch.headers["etag"]
    assert tags[0] != tags[1]
    assert not any(tag.startswith("W/") for tag in tags)
    json = "application/json"
    for tag, accept, status in (
        (tags[0], json, 304),
        (tags[1], BATCH, 304),
        (tags[1], json, 200),
        (tags[0], BATCH, 200),
    ):
        assert api.get("/api/v1/streams/s/events", If_None_Match=tag, Accept=accept).status == status


def test_the_entity_tag_of_a_batch_is_a_condition_as_that_of_a_page_is(api: Api) -> None:
    published(api, 1)
    tag = api.get("/api/v1/streams/s/events", Accept=BATCH).headers["etag"]
    stored = api.publish(cloudevent("2"), query="?stream=s", headers={"If-Match": tag})
    assert stored.status == 201
    assert api.publish(cloudevent("3"), query="?stream=s", headers={"If-Match": tag}).status == 412
    assert api.invoke(proxied("DELETE", "/api/v1/streams/s", headers={"If-Match": tag})).status == 412
