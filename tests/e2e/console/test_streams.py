"""Streams, their events, and how two of them differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.live import event

if TYPE_CHECKING:
    from tests.e2e.browsing import Tab
    from tests.e2e.hubs import Hub

pytestmark = pytest.mark.needs("subprotocols")

_NONE = "\N{EN DASH}"
_JSON = {"Content-Type": "application/json"}
# Holds back requests for what is below one stream until the test lets them go; counts those that were ended meanwhile.
_HOLDING = """
globalThis.held = {begun: 0, ended: 0, done: 0};
const holding = new Promise((resolve) => { held.letGo = resolve; });
const request = globalThis.fetch;
globalThis.fetch = async (url, options) => {
  if (!String(url).includes('/streams/slow')) return request(url, options);
  held.begun += 1;
  await holding;
  try {
    return await request(url, options);
  } catch (error) {
    held.ended += error.name === 'AbortError';
    throw error;
  } finally {
    held.done += 1;
  }
};
"""


def cells(tab: Tab, column: int) -> list[str]:
    """The texts of a column of the table."""
    texts: list[str] = tab.evaluate(
        f"[...document.querySelectorAll('tbody tr')].map((row) => row.cells[{column}].innerText.trim())"
    )
    return texts


def await_cells(tab: Tab, column: int, *texts: str) -> None:
    found = f"[...document.querySelectorAll('tbody tr')].map((row) => row.cells[{column}].innerText.trim())"
    tab.until(f"JSON.stringify({found}) === {json.dumps(json.dumps(texts, separators=(',', ':')))}")


def test_streams_are_found_by_their_beginning_and_described(hub: Hub, tab: Tab) -> None:
    limits = json.dumps({"id": "order-1", "retention": {"max_age": 7200, "max_events": 1000}}).encode()
    assert hub.call("POST", "/api/v1/streams", body=limits, headers=_JSON).status == 201
    with hub.client() as store:
        store.publish([event(1, workflowid="order-1"), event(2, workflowid="order-1"), event(3, workflowid="order-2")])
        store.publish([event(4, workflowid="other")])
    tab.open(f"{hub.url}/console#/streams")
    await_cells(tab, 0, "order-1", "order-2", "other")
    tab.find("searchbox", "Name starts with").enter("order")
    await_cells(tab, 0, "order-1", "order-2")
    assert tab.evaluate("location.hash") == "#/streams?prefix=order"
    assert cells(tab, 1) == ["2", "1"]
    assert cells(tab, 6) == ["2 h, 1,000 events", "all"]
    tab.reload()
    await_cells(tab, 0, "order-1", "order-2")


def test_more_streams_than_a_page_are_loaded_on_demand(hub: Hub, tab: Tab) -> None:
    with hub.client() as store:
        store.publish([event(number, workflowid=f"w{number:03}") for number in range(150)])
    tab.open(f"{hub.url}/console#/streams")
    tab.until_text("100 streams, and more")
    tab.click("button", "Load more")
    tab.until_text("150 streams")
    assert cells(tab, 0) == [f"w{number:03}" for number in range(150)]


def test_a_stream_is_read_in_both_directions_by_sequence_and_by_time(hub: Hub, tab: Tab) -> None:
    with hub.client() as store:
        store.publish([event(number, workflowid="w") for number in range(1, 6)])
        [fifth] = [each for each in store.read("w") if each.sequence == 5]
    tab.open(f"{hub.url}/console#/streams/w")
    await_cells(tab, 1, "5", "4", "3", "2", "1")
    tab.find("combobox", "Order").choose("forwards")
    tab.find("textbox", "From sequence").enter("2")
    tab.find("textbox", "To sequence").enter("4")
    tab.click("button", "Apply")
    await_cells(tab, 1, "2", "3", "4")
    tab.open(f"{hub.url}/console#/streams/w?until=2020-01-01T00:00:00Z")
    tab.until_text("No event is in this range.")
    tab.open(f"{hub.url}/console#/streams/w?since=2020-01-01T00:00:00Z&filter=id%20%3D%20%27{fifth.id}%27")
    await_cells(tab, 1, "5")
    since = "document.getElementById('filter-since').value"
    assert tab.evaluate(f"new Date({since}).toISOString()") == "2020-01-01T00:00:00.000Z"


@pytest.mark.parametrize("path", ["slow", "slow/1"])
def test_what_was_asked_for_another_state_is_not_shown_in_this_one(hub: Hub, tab: Tab, path: str) -> None:
    with hub.client() as store:
        store.publish([event(1, workflowid="slow"), event(2, workflowid="quick")])
    tab.open(f"{hub.url}/console#/streams")
    tab.find("link", "slow")
    tab.evaluate(_HOLDING)
    tab.evaluate(f"location.hash = '#/streams/{path}'")
    tab.until("held.begun >= 2")
    tab.evaluate(f"location.hash = '#/streams/{path.replace('slow', 'quick')}'")
    tab.until_text("quick")
    tab.evaluate("held.letGo()")
    assert tab.until("held.done === held.begun && held.ended") == tab.evaluate("held.begun")
    assert "slow" not in tab.text()


def test_an_event_is_a_link_and_shows_its_neighbours(hub: Hub, tab: Tab) -> None:
    with hub.client() as store:
        store.publish([event(number, workflowid="w", data={"of": number}) for number in (1, 2, 3)])
    tab.open(f"{hub.url}/console#/streams/w/2")
    tab.until_text("of: 2")
    tab.click("link", "Event 3 →")
    tab.until_text("of: 3")
    assert tab.evaluate("location.hash") == "#/streams/w/3"
    assert not tab.all("link", "Event 4 →")


def test_an_event_that_was_removed_is_not_an_error(hub: Hub, tab: Tab) -> None:
    with hub.client() as store:
        store.publish([event(1, workflowid="w")])
    tab.open(f"{hub.url}/console#/streams/w/7")
    tab.until_text("There is no such event")


def test_two_events_of_a_type_are_compared(hub: Hub, tab: Tab) -> None:
    first = {"same": 1, "changed": {"deep": [1, 2]}, "removed": None}
    second = {"same": 1, "changed": {"deep": [1, 3]}, "added": "x"}
    with hub.client() as store:
        store.publish(
            [
                event(1, workflowid="w", type="t", data=first),
                event(2, workflowid="w", type="other"),
                event(3, workflowid="w", type="t", data=second),
            ]
        )
    tab.open(f"{hub.url}/console#/streams/w")
    tab.click("checkbox", "Select event 1")
    tab.click("checkbox", "Select event 2")
    assert tab.find("button", "Compare the two selected").call("function () { return this.disabled; }")
    tab.click("checkbox", "Select event 2")
    tab.click("checkbox", "Select event 3")
    tab.click("button", "Compare the two selected")
    await_cells(tab, 0, "data.changed.deep[1]", "data.removed", "data.added")
    assert cells(tab, 1) == ["changed", "removed", "added"]
    assert (cells(tab, 2), cells(tab, 3)) == (["2", "null", _NONE], ["3", _NONE, '"x"'])
    assert tab.evaluate("location.hash") == "#/streams/w/3?with=1"


def test_the_event_before_of_the_type_is_proposed_for_a_comparison(hub: Hub, tab: Tab) -> None:
    with hub.client() as store:
        store.publish([event(number, workflowid="w", type="a" if number != 2 else "b") for number in (1, 2, 3)])
    tab.open(f"{hub.url}/console#/streams/w/3")
    assert tab.find("textbox", "Compare with event").call("function () { return this.value; }") == "1"
    tab.click("button", "Compare")
    tab.until_text("They differ in id, sequence and time alone.")
    tab.open(f"{hub.url}/console#/streams/w/3?with=2")
    tab.until_text("events of one type are compared")
