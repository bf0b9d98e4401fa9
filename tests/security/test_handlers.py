"""Handlers answer any input by their own rules: they do not fail, and break no log line, header or key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.functional.rest.api import cloudevent
from tests.security.hostile import NAMES, TEXT, WRITABLE, tries
from tests.security.hub import logged, path_of
from tests.security.parsers import BODIES, EVENTS, HEADERS, MESSAGES, QUERIES

if TYPE_CHECKING:
    from tests.security.hub import Hub

_SEGMENT = NAMES | TEXT.filter(bool)
_PATHS = st.one_of(
    st.sampled_from(
        [
            "events",
            "streams",
            "subscriptions",
            "filters",
            "dead-letters",
            "stats",
            "health",
            "asyncapi.json",
            "eventstore.js",
            "openapi.json",
        ]
    ).map(path_of),
    st.builds(path_of, st.sampled_from(["events", "streams", "subscriptions", "filters"]), _SEGMENT),
    st.builds(path_of, st.just("streams"), _SEGMENT, st.just("events")),
    st.builds(path_of, st.just("subscriptions"), _SEGMENT, st.just("replay")),
    st.just("/api/v1/dead-letters/redrive"),
    TEXT.map(lambda text: f"/{text}"),
)
_REQUESTS = st.one_of(
    st.tuples(st.sampled_from(["GET", "DELETE", "PUT"]), _PATHS, QUERIES, HEADERS, st.just(b"")),
    st.tuples(st.just("POST"), st.just("/api/v1/events"), QUERIES | st.just({}), HEADERS, EVENTS),
    st.tuples(
        st.just("PUT"),
        st.builds(path_of, st.just("filters"), _SEGMENT),
        st.just({}),
        HEADERS | st.just({"content-type": "application/json"}),
        BODIES["filters"].map(lambda body: json.dumps(body).encode()),
    ),
    *(
        st.tuples(
            st.just("POST"),
            st.just(f"/api/v1/{where}"),
            st.just({}),
            st.just({"content-type": "application/json"}),
            BODIES[kind].map(lambda body: json.dumps(body).encode()),
        )
        for where, kind in (
            ("streams", "streams"),
            ("subscriptions", "subscriptions"),
            ("subscriptions/a/replay", "replay"),
            ("dead-letters/redrive", "redrive"),
        )
    ),
)
_CODES = {200, 201, 202, 204, 304, 400, 404, 405, 409, 410, 412, 413, 415, 422}


def test_a_request_is_answered_or_refused(hub: Hub) -> None:
    seen: set[int] = set()

    @tries(150)
    @given(_REQUESTS)
    def check(request: tuple[str, str, dict[str, list[str]], dict[str, str], bytes]) -> None:
        method, path, query, headers, body = request
        with logged():
            reply = hub.request(method, path, query=query, headers=headers, body=body)
        assert reply.status in _CODES, reply.body
        seen.add(reply.status)

    check()
    assert len(seen) > 3
    assert list(hub.keys())


def test_a_connection_is_accepted_or_refused(hub: Hub) -> None:
    seen: set[int] = set()
    protocols = st.lists(st.sampled_from(["cloudevents.json", "eventstore.v1"]) | WRITABLE, max_size=2)

    @tries(40)
    @given(QUERIES, protocols | st.just(["cloudevents.json"]))
    def check(query: dict[str, list[str]], named: list[str]) -> None:
        with logged():
            _, answer = hub.connect(query, named)
        assert answer["statusCode"] in {200, 400}
        seen.add(answer["statusCode"])

    check()
    assert seen <= {200, 400}
    assert list(hub.keys())


def test_a_message_is_answered_or_refused(hub: Hub) -> None:
    client, _ = hub.connect({}, [])
    seen: set[str] = set()

    @tries(150)
    @given(MESSAGES)
    def check(message: str) -> None:
        with logged():
            answer = client.send(message)
        seen.add(answer.get("code") or answer["type"])

    check()
    assert "internal" not in seen
    assert len(seen) > 4
    assert list(hub.keys())


def test_a_bare_frame_is_answered_or_refused(hub: Hub) -> None:
    client, _ = hub.connect({}, ["cloudevents.json"])
    seen: set[str] = set()

    @tries(50)
    @given(EVENTS.map(lambda content: content.decode(errors="replace")) | TEXT)
    def check(frame: str) -> None:
        with logged():
            answer = client.send(frame)
        assert answer["data"].get("code") != "internal"
        seen.add(answer["type"])

    check()
    assert seen <= {"io.flunq.hub.published", "io.flunq.hub.refused"}
    assert list(hub.keys())


def test_any_reason_of_a_failure_is_stored_and_listed(hub: Hub) -> None:
    made = {"content-type": "application/json"}, json.dumps({"id": "failing", "stream": "failing", "from": "start"})
    assert hub.request("POST", "/api/v1/subscriptions", headers=made[0], body=made[1].encode()).status == 201
    client, _ = hub.connect({}, [])
    assert client.send({"action": "subscribe", "id": "w", "subscription": "failing"})["type"] == "subscribed"
    numbers = iter(range(1, 10_000))

    @tries(15)
    @given(TEXT)
    @example("half of a pair: \ud800")
    def check(reason: str) -> None:
        number = next(numbers)
        assert hub.api.publish(cloudevent(str(number), workflowid="failing")).status == 201
        client.received()
        nack = {"action": "nack", "id": "w", "stream": "failing", "sequence": number, "reason": reason, "park": True}
        with logged():
            assert client.send(nack)["type"] == "acknowledged"
            client.received()
            parked = hub.request("GET", "/api/v1/dead-letters", query={"subscription": ["failing"]})
            hub.request("DELETE", "/api/v1/dead-letters", query={"subscription": ["failing"]})
            client.received()
        [letter] = parked.json["dead_letters"]
        # Only its beginning is kept; a lone surrogate, which UTF-8 cannot encode, becomes a question mark.
        storable = reason.encode(errors="replace").decode()
        assert letter["errors"] == [storable[: len(letter["errors"][0])]]

    check()


def test_accepted_events_are_delivered(hub: Hub) -> None:
    """The data of the tests above fails no turn, and reaches clients as JSON."""
    client, _ = hub.connect({}, [])
    assert client.send({"action": "subscribe", "id": "all", "from": "start"})["type"] == "subscribed"
    with logged():
        received: list[dict[str, Any]] = client.received()
    assert sum(len(message.get("events", ())) for message in received) > 3
