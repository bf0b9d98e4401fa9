"""Pages of other origins in a browser, with an authorizer in front of the hub."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_hosting.origins import Origins
from tests.e2e.browser import opened, shown
from tests.e2e.guarded import Guarded, guarded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.needs("own-hub")

_LISTED = "app.test"
_LARGE = 200_000
"""Characters of data that exceed a frame."""

# Reports are sent sequentially, so that they arrive in order.
_SCRIPT = """
let last = Promise.resolve();
const report = (what) => { last = last.then(() => fetch("/", {method: "POST", body: JSON.stringify(what)})); };
const call = async (name, path, options = {}) => {
  try {
    const url = path.startsWith("http") ? path : HUB + path;
    const headers = {"Authorization": "Bearer " + KEY, ...(options.headers ?? {})};
    const answer = await fetch(url, {...options, headers});
    const text = await answer.text();
    const shown = Object.fromEntries(answer.headers);
    report({name, status: answer.status, headers: shown, size: text.length, text: text.slice(0, 2000)});
    return {answer, text};
  } catch (error) {
    report({name, failed: String(error)});
    return null;
  }
};
const event = (id, data) =>
  JSON.stringify({specversion: "1.0", id, source: "/page", type: "t", workflowid: "page", data});
const structured = {"Content-Type": "application/cloudevents+json"};
"""

_ALLOWED = """
const bearer = "bearer." + btoa(KEY).replace(/=+$/, "").replace(/[+]/g, "-").replace(/[/]/g, "_");
const socket = new WebSocket(SOCKET + "?stream=page", ["cloudevents.json", bearer]);
socket.onmessage = async (message) => {
  const event = JSON.parse(message.data);
  if (event.type == "io.flunq.hub.subscribed") { report({name: "subscribed"}); await publish(); }
  if (event.dataref) {
    report({name: "frame", id: event.id, hasData: "data" in event});
    await call("dataref", event.dataref);
    report({name: "end"});
  }
};
socket.onclose = (close) => report({name: "closed", code: close.code});
const publish = async () => {
  await call("publish", "/api/v1/events", {method: "POST", headers: structured, body: event("1", 1)});
  await call("conflict", "/api/v1/events", {method: "POST", headers: structured, body: event("1", 2)});
  await call("binary", "/api/v1/events", {method: "POST", body: "text", headers: {"Content-Type": "text/plain",
    "ce-specversion": "1.0", "ce-id": "2", "ce-source": "/page", "ce-type": "t",
    "ce-workflowid": "page", "ce-my": "own"}});
  const read = await call("read", "/api/v1/streams/page/events?limit=1");
  await call("unchanged", "/api/v1/streams/page", {headers: {"If-None-Match": read.answer.headers.get("ETag")}});
  await call("head", "/api/v1/streams/page", {method: "HEAD"});
  await call("one", "/api/v1/events/2?mode=binary");
  const expecting = {...structured, "If-Match": '"9999"'};
  await call("condition", "/api/v1/events", {method: "POST", headers: expecting, body: event("late", 1)});
  await call("wrong key", "/api/v1/streams", {headers: {"Authorization": "Bearer nobodys"}});
  await call("no scope", "/api/v1/stats");
  await call("large", "/api/v1/events", {method: "POST", headers: structured, body: event("3", "x".repeat(LARGE))});
};
"""

_REFUSED = """
(async () => {
  await call("read", "/api/v1/streams/page/events");
  await call("publish", "/api/v1/events", {method: "POST", headers: structured, body: event("evil", 1)});
  await call("delete", "/api/v1/streams/page", {method: "DELETE"});
  const inHeader = {"X-Api-Key": KEY, ...structured};
  await call("own key", "/api/v1/events", {method: "POST", headers: inHeader, body: event("evil", 1)});
  try {
    await fetch(HUB + "/api/v1/events", {method: "POST", mode: "no-cors", body: event("evil", 1)});
  } catch {}
  const socket = new WebSocket(SOCKET, "cloudevents.json");
  socket.onopen = () => report({name: "open"});
  socket.onclose = (close) => { report({name: "closed", code: close.code}); report({name: "end"}); };
})();
"""


@pytest.fixture(scope="module")
def hub(chromium: str, listed_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    assert chromium
    origins = Origins.parse(f"http://{_LISTED}:{listed_port}")
    with guarded("key", tmp_path_factory.mktemp("pages"), origins=origins) as hub:
        yield hub


def page(hub: Guarded, key: str, script: str) -> str:
    values = {
        "HUB": hub.url,
        "SOCKET": f"{hub.url.replace('http', 'ws', 1)}/ws",
        "KEY": key,
        "LARGE": _LARGE,
    }
    constants = "".join(f"const {name} = {json.dumps(value)};" for name, value in values.items())
    return f"<!doctype html><title>page</title><script>{constants}{_SCRIPT}{script}</script>"


@pytest.mark.parametrize("host", ["127.0.0.1", _LISTED])
def test_a_page_of_a_listed_origin_reads_publishes_subscribes_and_fetches_large_data(
    hub: Guarded, chromium: str, listed_port: int, tmp_path: Path, host: str
) -> None:
    admin = hub.caller()
    admin.call("DELETE", "/api/v1/streams/page")
    key = hub.credential("publish read subscribe", streams=["page"])
    html = page(hub, key, _ALLOWED)
    port = listed_port if host == _LISTED else 0
    with opened(html, program=chromium, profile=tmp_path, host=host, port=port) as shown_page:
        reports_received = shown_page.until(lambda report: report["name"] in {"end", "closed"})
    reports: dict[str, dict[str, Any]] = {report["name"]: report for report in reports_received}
    failed = {name: report["failed"] for name, report in reports.items() if "failed" in report}
    assert not failed
    statuses = {name: report["status"] for name, report in reports.items() if "status" in report}
    assert statuses == {
        "publish": 201,
        "conflict": 409,
        "binary": 201,
        "read": 200,
        "unchanged": 304,
        "head": 200,
        "one": 200,
        "condition": 412,
        "wrong key": 401,
        "no scope": 403,
        "large": 201,
        "dataref": 200,
    }
    request_id = "x-amzn-requestid" if hub.has_gateway else "x-request-id"
    assert {"etag", "link", request_id} <= reports["read"]["headers"].keys()
    assert reports["one"]["headers"]["ce-my"] == "own"
    assert json.loads(reports["conflict"]["text"])["code"] == "event-conflict"
    assert json.loads(reports["wrong key"]["text"])["code"] == "unauthorized"
    assert json.loads(reports["no scope"]["text"])["code"] == "forbidden"
    assert reports["frame"] == {"name": "frame", "id": "3", "hasData": False}
    assert reports["dataref"]["size"] > _LARGE


@pytest.mark.parametrize("host", ["evil.test", f"{_LISTED}.evil.test"])
def test_a_page_of_an_unlisted_origin_reads_and_changes_nothing(
    hub: Guarded, chromium: str, tmp_path: Path, host: str
) -> None:
    admin = hub.caller()
    event = {"specversion": "1.0", "id": "kept", "source": "/s", "type": "t", "workflowid": "page"}
    assert admin.publish(event).status in {200, 201}
    before = admin.call("GET", "/api/v1/streams/page").json()
    key = hub.credential("publish read subscribe admin")
    with opened(page(hub, key, _REFUSED), program=chromium, profile=tmp_path, host=host) as shown_page:
        reports_received = shown_page.until(lambda report: report["name"] == "end")
    reports = {report["name"]: report for report in reports_received}
    assert {name for name, report in reports.items() if "failed" in report} == {"read", "publish", "delete", "own key"}
    assert "open" not in reports
    assert reports["closed"]["code"] == 1006
    assert admin.call("GET", "/api/v1/streams/page").json() == before


def test_the_documentation_has_a_field_for_a_key(hub: Guarded, chromium: str, tmp_path: Path) -> None:
    html = shown(f"{hub.url}/api/v1/docs", program=chromium, profile=tmp_path)
    assert "<title>flunq-eventstore</title>" in html
    assert "Publish events" in html
    assert 'class="btn authorize' in html
