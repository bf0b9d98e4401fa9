"""What the README shows, with a plain HTTP client."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest
import urllib3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Hub

_JSON = "application/cloudevents+json"


@pytest.fixture
def http() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False) as pool:
        yield pool


def structured(number: int, **members: object) -> dict[str, object]:
    return {"specversion": "1.0", "id": str(number), "source": "/e2e", "type": "t", "workflowid": "wf-1"} | members


def publish(
    hub: Hub, http: urllib3.PoolManager, *events: dict[str, object], **headers: str
) -> urllib3.BaseHTTPResponse:
    body = json.dumps(events).encode()
    media_type = {"content-type": "application/cloudevents-batch+json"}
    return http.request("POST", f"{hub.url}/api/v1/events", body=body, headers=media_type | headers)


def test_a_workflow_is_read_back_in_order(hub: Hub, http: urllib3.PoolManager) -> None:
    for number in (1, 2, 3):
        assert publish(hub, http, structured(number)).status == 201
    page = http.request("GET", f"{hub.url}/api/v1/streams/wf-1/events").json()
    assert [event["hubsequence"] for event in page["events"]] == ["1", "2", "3"]


def test_bytes_go_through_the_gateway_unchanged(hub: Hub, http: urllib3.PoolManager) -> None:
    content = bytes(range(256))
    headers = {"ce-specversion": "1.0", "ce-id": "b", "ce-source": "/e2e", "ce-type": "t", "content-type": "image/x"}
    assert http.request("POST", f"{hub.url}/api/v1/events", body=content, headers=headers).status == 201
    answer = http.request("GET", f"{hub.url}/api/v1/events/b?mode=binary")
    assert (answer.data, answer.headers["content-type"]) == (content, "image/x")


def test_numbers_go_through_unchanged(hub: Hub, http: urllib3.PoolManager) -> None:
    text = '{"specversion":"1.0","id":"n","source":"/e2e","type":"t","data":[1.0,1e400,12345678901234567890]}'
    http.request("POST", f"{hub.url}/api/v1/events", body=text.encode(), headers={"content-type": _JSON})
    assert b'"data":[1.0,1e400,12345678901234567890]' in http.request("GET", f"{hub.url}/api/v1/events/n").data


def test_of_two_that_expect_the_same_end_one_gets_it(hub: Hub, http: urllib3.PoolManager) -> None:
    publish(hub, http, structured(1))
    first = publish(hub, http, structured(2), **{"if-match": '"1"'})
    second = publish(hub, http, structured(3), **{"if-match": '"1"'})
    assert (first.status, second.status, second.json()["actual"]) == (201, 412, 2)


def test_a_long_poll_is_answered_by_the_next_event(hub: Hub, http: urllib3.PoolManager) -> None:
    publish(hub, http, structured(1))
    pages: list[dict[str, object]] = []

    def poll() -> None:
        url = f"{hub.url}/api/v1/streams/wf-1/events?from=2"
        pages.append(http.request("GET", url, headers={"prefer": "wait=20"}, timeout=30).json())

    polling = threading.Thread(target=poll)
    polling.start()
    publish(hub, http, structured(2))
    polling.join(15)
    assert [event["id"] for page in pages for event in page["events"]] == ["2"]  # type: ignore[attr-defined]


def test_a_filter_and_a_cursor_lead_through_all_streams(hub: Hub, http: urllib3.PoolManager) -> None:
    publish(hub, http, *(structured(n, workflowid=f"wf-{n % 7}", type=f"t.{n % 2}") for n in range(60)))
    url, seen = f"{hub.url}/api/v1/events?type=t.1&limit=5", []
    cursor = ""
    while True:
        page = http.request("GET", url + cursor).json()
        seen += [int(event["id"]) for event in page["events"]]
        if "next" not in page:
            break
        cursor = f"&cursor={page['next']}"
    assert sorted(seen) == list(range(1, 60, 2))


def test_while_the_cache_is_away_the_hub_says_so(hub: Hub, http: urllib3.PoolManager) -> None:
    hub.valkey.kill()
    try:
        answer = http.request("GET", f"{hub.url}/health", timeout=30)
    finally:
        hub.valkey.restart()
    assert (answer.status, answer.json()["code"]) == (503, "store-unavailable")
    assert http.request("GET", f"{hub.url}/health", timeout=30).status == 200
