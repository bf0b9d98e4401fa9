"""A page follows the hub with the browser's own WebSocket only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.browser import find_chromium, opened
from tests.e2e.live import event

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.hubs import Hub

# A browser closes a connection that selects none of its subprotocols.
pytestmark = pytest.mark.needs("subprotocols")

# Reports are sent sequentially, so that they arrive in order.
_REPORT = """
let last = Promise.resolve();
const report = (what) => { last = last.then(() => fetch("/", {method: "POST", body: JSON.stringify(what)})); };
"""

_FOLLOWING = """
const socket = new WebSocket(URL + "?type=order.*", "cloudevents.json");
socket.onopen = () => report({open: socket.protocol});
socket.onmessage = (message) => report(JSON.parse(message.data));
socket.onclose = (close) => report({closed: close.code});
"""

# The page disconnects after every second event, and resumes from its cursors.
_RESUMING = """
const cursors = {};
const url = () => URL + "?type=order.*" + Object.values(cursors).map((cursor) => "&cursor=" + cursor).join("");
const follow = () => {
  const socket = new WebSocket(url(), "cloudevents.json");
  let handled = 0;
  socket.onopen = () => report({open: socket.protocol});
  socket.onmessage = (message) => {
    const event = JSON.parse(message.data);
    if (handled == 2) return;
    if (event.hubcursor) cursors[event.hubpartition ?? "start"] = event.hubcursor;
    report(event);
    if (event.hubsequence && cursors.start && ++handled == 2) socket.close();
  };
  socket.onclose = () => { report({closed: handled}); follow(); };
};
follow();
"""


@pytest.fixture
def chromium() -> str:
    program = find_chromium()
    if program is None:
        pytest.skip("Chromium is not here: install the package chromium")
    return program


def page(hub: Hub, script: str) -> str:
    address = json.dumps(hub.websocket_url)
    return f"<!doctype html><title>hub</title><script>const URL = {address};{_REPORT}{script}</script>"


def test_a_page_receives_the_events_of_its_url(hub: Hub, chromium: str, tmp_path: Path) -> None:
    with opened(page(hub, _FOLLOWING), program=chromium, profile=tmp_path) as shown, hub.client() as store:
        assert shown.report() == {"open": "cloudevents.json"}
        store.publish(
            [event(1, type="order.placed", data={"of": "ünï"}), event(2, type="other"), event(3, type="order.sent")]
        )
        reports = shown.until(lambda report: report.get("id") == "3")
    received = [
        (report["id"], report["hubsequence"], report.get("data")) for report in reports if "hubsequence" in report
    ]
    assert received == [("1", "1", {"of": "ünï"}), ("3", "3", None)]
    assert "io.flunq.hub.subscribed" in {report.get("type") for report in reports}


def test_a_page_that_resumes_from_its_cursors_misses_nothing(hub: Hub, chromium: str, tmp_path: Path) -> None:
    with opened(page(hub, _RESUMING), program=chromium, profile=tmp_path) as shown, hub.client() as store:
        shown.until(lambda report: report.get("type") == "io.flunq.hub.subscribed")
        for number in range(1, 10):
            store.publish([event(number, type="order.changed")])
        reports = shown.until(lambda report: report.get("id") == "9")
    assert [report["hubsequence"] for report in reports if "hubsequence" in report] == [
        str(number) for number in range(1, 10)
    ]
    assert len([report for report in reports if "closed" in report]) == 4
