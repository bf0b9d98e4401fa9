"""The requests of the README, with a plain HTTP client."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

    from tests.e2e.hubs import Hub

_JSON = "application/cloudevents+json"


def structured(number: int, **members: object) -> dict[str, object]:
    return {"specversion": "1.0", "id": str(number), "source": "/e2e", "type": "t", "workflowid": "wf-1"} | members


def publish(hub: Hub, *events: dict[str, object], **headers: str) -> BaseHTTPResponse:
    body = json.dumps(events).encode()
    media_type = {"content-type": "application/cloudevents-batch+json"}
    return hub.call("POST", "/api/v1/events", body=body, headers=media_type | headers)


def test_a_workflow_is_read_back_in_order(hub: Hub) -> None:
    for number in (1, 2, 3):
        assert publish(hub, structured(number)).status == 201
    page = hub.call("GET", "/api/v1/streams/wf-1/events").json()
    assert [event["hubsequence"] for event in page["events"]] == ["1", "2", "3"]


@pytest.mark.parametrize("accepting", [{"accept": "*/*"}, pytest.param({}, marks=pytest.mark.needs("no-accept"))])
def test_bytes_pass_the_gateway_unchanged(hub: Hub, accepting: dict[str, str]) -> None:
    content = bytes(range(256))
    headers = {"ce-specversion": "1.0", "ce-id": "b", "ce-source": "/e2e", "ce-type": "t", "content-type": "image/x"}
    assert hub.call("POST", "/api/v1/events", body=content, headers=headers).status == 201
    answer = hub.call("GET", "/api/v1/events/b?mode=binary", headers=accepting)
    assert (answer.data, answer.headers["content-type"]) == (content, "image/x")


def test_numbers_pass_unchanged(hub: Hub) -> None:
    text = '{"specversion":"1.0","id":"n","source":"/e2e","type":"t","data":[1.0,1e400,12345678901234567890]}'
    hub.call("POST", "/api/v1/events", body=text.encode(), headers={"content-type": _JSON})
    assert b'"data":[1.0,1e400,12345678901234567890]' in hub.call("GET", "/api/v1/events/n").data


def test_of_two_publishes_with_the_same_expected_version_one_succeeds(hub: Hub) -> None:
    publish(hub, structured(1))
    first = publish(hub, structured(2), **{"if-match": '"1"'})
    second = publish(hub, structured(3), **{"if-match": '"1"'})
    assert (first.status, second.status, second.json()["actual"]) == (201, 412, 2)


def test_a_long_poll_is_answered_by_the_next_event(hub: Hub) -> None:
    publish(hub, structured(1))
    pages: list[dict[str, object]] = []

    def poll() -> None:
        path = "/api/v1/streams/wf-1/events?from=2"
        pages.append(hub.call("GET", path, headers={"prefer": "wait=20"}, timeout=30).json())

    polling = threading.Thread(target=poll)
    polling.start()
    publish(hub, structured(2))
    polling.join(15)
    assert [event["id"] for page in pages for event in page["events"]] == ["2"]  # type: ignore[attr-defined]


def test_a_filter_and_a_cursor_page_through_all_streams(hub: Hub) -> None:
    publish(hub, *(structured(n, workflowid=f"wf-{n % 7}", type=f"t.{n % 2}") for n in range(60)))
    path, seen = "/api/v1/events?type=t.1&limit=5", []
    cursor = ""
    while True:
        page = hub.call("GET", path + cursor).json()
        seen += [int(event["id"]) for event in page["events"]]
        if "next" not in page:
            break
        cursor = f"&cursor={page['next']}"
    assert sorted(seen) == list(range(1, 60, 2))


def test_while_the_cache_is_unavailable_the_hub_answers_so(hub: Hub) -> None:
    hub.valkey.kill()
    try:
        answer = hub.call("GET", "/health", timeout=30)
    finally:
        hub.valkey.restart()
    assert (answer.status, answer.json()["code"]) == (503, "store-unavailable")
    assert hub.call("GET", "/health", timeout=30).status == 200
