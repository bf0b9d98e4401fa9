"""The console's view of how the hub does, in Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.endpoints import chosen
from tests.e2e.live import event

if TYPE_CHECKING:
    from tests.e2e.browsing import Tab
    from tests.e2e.hubs import Hub

pytestmark = pytest.mark.needs("subprotocols")

# The page waits for ten seconds until it says that an event did not arrive; a busy machine may need more.
_PATIENT = """
const set = globalThis.setTimeout;
globalThis.setTimeout = (act, ms, ...rest) => set(act, ms === 10_000 ? 1_000_000 : ms, ...rest);
"""


def test_the_store_and_its_backend_are_shown(hub: Hub, tab: Tab) -> None:
    with hub.client() as store:
        store.publish([event("a"), event("b", stream="wf-2")])
    tab.open(f"{hub.url}/console#/operations")
    tab.until("document.querySelectorAll('[aria-label=\"Partitions of the store\"] tbody tr').length > 0")
    health = hub.call("GET", "/api/v1/health").json()
    tab.until_text(health["version"])
    capabilities = tab.find("table", "Capabilities of the backend").text
    for name, kept in health["capabilities"].items():
        row = next(line for line in capabilities.splitlines() if line.startswith(name))
        assert ("✓ yes" in row) is kept
    tab.until(
        "[...document.querySelectorAll('svg[role=img]')].some((chart) => chart.ariaLabel.startsWith('Appends: now'))"
    )


def test_turns_and_latencies_are_those_of_a_server(hub: Hub, tab: Tab) -> None:
    tab.open(f"{hub.url}/console#/operations")
    tab.find("heading", "Turns and latencies")
    if chosen() == "server":
        tab.until("document.querySelector('[aria-label=Latencies] svg') !== null")
        tab.until_text("Request to answer")
    else:
        tab.until_text("CloudWatch")


def test_a_test_event_is_stored_and_comes_back(hub: Hub, tab: Tab) -> None:
    tab.open(f"{hub.url}/console#/operations")
    tab.find("textbox", "Stream").enter("try-out")
    tab.evaluate(_PATIENT)
    tab.find("textbox", "Data, as JSON").enter('{"a": ')
    tab.click("button", "Publish")
    tab.until_text("The data are no JSON")
    tab.find("textbox", "Data, as JSON").enter('{"of": "ünï"}')
    tab.click("button", "Publish")
    tab.until_text("It arrived over WebSocket after")
    with hub.client() as store:
        [stored] = list(store.read("try-out"))
    assert (stored.type, stored.data) == ("io.flunq.console.test", {"of": "ünï"})
    tab.click("link", "try-out, event 1")
    tab.until_text(stored.id)
