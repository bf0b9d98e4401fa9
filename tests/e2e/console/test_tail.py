"""The live tail."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import pytest

from eventstore_client import EventStore
from eventstore_dev.running import running
from eventstore_hosting.valkey import ValkeyServer
from tests.e2e.endpoints import chosen
from tests.e2e.hubs import TEMPLATE
from tests.e2e.live import event
from tests.e2e.servers import Instance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.browsing import Tab
    from tests.e2e.hubs import Hub
    from tests.ports import ReservedPort

pytestmark = pytest.mark.needs("subprotocols")

_ROWS = "[...document.querySelectorAll('console-tail .rows [role=row]')]"
_IDS = f"{_ROWS}.map((row) => row.querySelector('button').getAttribute('aria-label').split(' ')[2])"
_MOST_ROWS = 500
_MOST_AT_ONCE = 100
_SECONDS = 6
# An observer is called once for all that a frame changes.
_COUNTING = """
globalThis.counted = {frames: 0, drawings: 0, rows: 0, added: 0};
const count = () => { counted.frames += 1; requestAnimationFrame(count); };
requestAnimationFrame(count);
new MutationObserver((changes) => {
  counted.drawings += 1;
  counted.added = Math.max(counted.added, changes.reduce((sum, {addedNodes}) => sum + addedNodes.length, 0));
  counted.rows = Math.max(counted.rows, document.querySelector('console-tail .rows').childElementCount);
}).observe(document.querySelector('console-tail .rows'), {childList: true});
"""
_HIDDEN = "Number(/([0-9]+) not shown/.exec(document.querySelector('console-tail .rate').textContent)?.[1] ?? 0)"


def follow(tab: Tab, url: str, **query: str) -> None:
    """Open the tail, and wait until it is live."""
    tab.open(f"{url}/console#/tail?{urlencode(query, quote_via=quote)}")
    await_state(tab, "Live")


def await_state(tab: Tab, state: str) -> None:
    tab.until(f"document.querySelector('.state')?.textContent.startsWith({json.dumps(state)})")


def await_ids(tab: Tab, *ids: int) -> None:
    """Wait until the list has these events, the newest first."""
    tab.until(
        f"JSON.stringify({_IDS}) === {json.dumps(json.dumps([str(each) for each in ids], separators=(',', ':')))}"
    )


def test_events_appear_as_they_are_published_and_open_in_full(hub: Hub, tab: Tab) -> None:
    follow(tab, hub.url)
    with hub.client() as store:
        store.publish([event(1, workflowid="w"), event(2, workflowid="w", data={"ünï": ["<b>", 1]})])
    await_ids(tab, 2, 1)
    tab.click("button", "Open event 2 of w")
    shown = tab.find("article", "Event 2").text
    assert "hubsequence" in shown
    assert '"<b>"' in shown
    assert tab.find("link", "Link to this event").call("function () { return this.hash; }") == "#/streams/w/2"


def test_markup_in_an_event_is_text(hub: Hub, tab: Tab) -> None:
    markup = "<img src=x onerror=alert(1)>"
    follow(tab, hub.url)
    with hub.client() as store:
        store.publish([event(1, workflowid="w", type=markup, subject=markup, data={markup: markup})])
    await_ids(tab, 1)
    tab.click("button", "Open event 1 of w")
    assert tab.find("article", "Event 1").text.count(markup) == 4
    assert tab.evaluate("document.querySelectorAll('main img').length") == 0


@pytest.mark.parametrize(
    "query",
    [
        {"type": "order.*"},
        {"stream": "w"},
        {"filter": "id = '2' OR id = '4'"},
        {"filters": '[{"any":[{"exact":{"id":"2"}},{"suffix":{"id":"4"}}]}]'},
        {"filter_name": "even"},
    ],
    ids=lambda query: next(iter(query)),
)
def test_the_url_selects_events_in_every_dialect(hub: Hub, tab: Tab, query: dict[str, str]) -> None:
    content = json.dumps({"filters": [{"sql": "id = '2' OR id = '4'"}]}).encode()
    put = hub.call("PUT", "/api/v1/filters/even", body=content, headers={"Content-Type": "application/json"})
    assert put.status == 201
    follow(tab, hub.url, **query)
    with hub.client() as store:
        for number in range(1, 5):
            even = number % 2 == 0
            store.publish([event(number, type="order.sent" if even else "other", workflowid="w" if even else "v")])
    await_ids(tab, 4, 2)


@pytest.mark.parametrize(
    ("field", "wrong", "right"),
    [
        ("CloudEvents SQL", ("type LIKE 'x", "at character"), "type LIKE 'x%'"),
        ("Filters (JSON)", ('[{"prefx":{}}]', "'prefx'"), '[{"prefix":{"type":"x"}}]'),
        ("Filters (JSON)", ("[", "must be JSON"), "[]"),
        ("Named filter", ("absent", "absent"), ""),
    ],
)
def test_a_filter_is_checked_while_it_is_typed(
    hub: Hub, tab: Tab, field: str, wrong: tuple[str, str], right: str
) -> None:
    follow(tab, hub.url)
    entered = tab.find("textbox", field)
    text, says = wrong
    entered.enter(text)
    tab.until("document.querySelector('[aria-invalid=true]')")
    assert says in tab.evaluate("document.getElementById('filter-problem').textContent")
    assert entered.call("function () { return this.getAttribute('aria-invalid'); }") == "true"
    entered.enter(right)
    tab.until("!document.querySelector('[aria-invalid=true]')")
    await_state(tab, "Live")


def test_what_is_entered_and_applied_is_a_link(hub: Hub, tab: Tab) -> None:
    follow(tab, hub.url)
    tab.find("textbox", "Type").enter("a.*, b")
    tab.click("button", "Apply")
    tab.until("location.hash === '#/tail?type=a.*&type=b'")
    await_state(tab, "Live")
    with hub.client() as store:
        store.publish([event(1, type="a.x"), event(2, type="c"), event(3, type="b")])
    await_ids(tab, 3, 1)


def test_a_refused_filter_of_a_link_ends_the_tail_with_the_reason(hub: Hub, tab: Tab) -> None:
    tab.open(f"{hub.url}/console#/tail?filter=type%20LIKE")
    await_state(tab, "Ended")
    tab.until_text("invalid-filter")


def test_stored_events_come_first_from_the_oldest_on(hub: Hub, tab: Tab) -> None:
    with hub.client() as store:
        store.publish([event(1), event(2)])
        tab.open(f"{hub.url}/console#/tail?from=start")
        await_ids(tab, 2, 1)
        await_state(tab, "Live")
        store.publish([event(3)])
        await_ids(tab, 3, 2, 1)


def test_a_pause_keeps_what_arrives_until_it_ends(hub: Hub, tab: Tab) -> None:
    follow(tab, hub.url)
    tab.click("button", "Pause")
    with hub.client() as store:
        store.publish([event(1), event(2)])
    tab.until_text("2 waiting")
    assert tab.evaluate(f"{_ROWS}.length") == 0
    tab.click("button", "Resume")
    await_ids(tab, 2, 1)


def test_a_hundred_events_a_second_change_the_list_once_in_a_frame_at_most_and_its_rows_are_bounded(
    hub: Hub, tab: Tab
) -> None:
    follow(tab, hub.url)
    tab.evaluate(_COUNTING)
    idle = frames_a_second(tab, lambda: time.sleep(_SECONDS))

    def publish() -> None:
        began = time.monotonic()
        for batch in range(10 * _SECONDS):
            store.publish([event(10 * batch + number, workflowid=f"w{number}") for number in range(10)])
            time.sleep(max(0.0, began + (batch + 1) / 10 - time.monotonic()))

    with hub.client() as store:
        busy = frames_a_second(tab, publish)
    tab.until_text(f"{100 * _SECONDS} received")
    # What comes too fast to be shown is counted.
    tab.until(f"{_ROWS}.length === Math.min({_MOST_ROWS}, {100 * _SECONDS} - {_HIDDEN})")
    counted = tab.evaluate("counted")
    assert 0 < counted["drawings"] <= counted["frames"]
    assert counted["rows"] <= _MOST_ROWS
    assert counted["added"] <= _MOST_AT_ONCE
    # How smooth it is depends on what else uses the machine.
    print(f"{busy:.0f} frames/s, {idle:.0f} without events; {counted}")  # noqa: T201 - read with pytest -rP


def frames_a_second(tab: Tab, work: Callable[[], None]) -> float:
    """How many frames the page draws a second while something is done."""
    began, first = time.monotonic(), tab.evaluate("counted.frames")
    work()
    frames: int = tab.evaluate("counted.frames") - first
    return frames / (time.monotonic() - began)


@contextmanager
def started(valkey: ValkeyServer, port: int) -> Iterator[str]:
    """Run a hub on a port; its address."""
    with ExitStack() as stack:
        if chosen() == "server":
            instance = Instance.start(valkey.url, port=port)
            stack.callback(instance.end)
            yield instance.url
        else:
            parameters = {"RedisUrl": valkey.url}
            yield stack.enter_context(
                running(TEMPLATE, parameters=parameters, variables={"AUTH": "none"}, port=port)
            ).url


@pytest.mark.needs("own-hub")
def test_the_tail_goes_on_where_it_was_after_a_restart_of_the_hub(
    tab: Tab, reserved_port: ReservedPort, tmp_path: Path
) -> None:
    with ValkeyServer.start(folder=tmp_path / "valkey") as valkey:
        with started(valkey, reserved_port.number) as url, EventStore(url) as store:
            follow(tab, url)
            store.publish([event(1)])
            await_ids(tab, 1)
        await_state(tab, "Connection lost")
        with started(valkey, reserved_port.number) as url, EventStore(url) as store:
            store.publish([event(2)])
            await_ids(tab, 2, 1)
            await_state(tab, "Live")
