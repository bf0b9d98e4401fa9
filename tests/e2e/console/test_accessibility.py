"""What axe-core finds in each view, in both colour schemes, narrow and wide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.console.test_durables import UNREACHABLE, park_one
from tests.e2e.live import event
from tests.e2e.test_durable import Rest

if TYPE_CHECKING:
    from tests.e2e.browsing import Tab
    from tests.e2e.guarded import Guarded
    from tests.e2e.hubs import Hub

pytestmark = [pytest.mark.needs("subprotocols"), pytest.mark.needs("looks")]

_AXE = Path(__file__).parents[3] / "infra/axe/node_modules/axe-core/axe.min.js"
_SERIOUS = {"serious", "critical"}
_STATES = ["tail?from=start", "streams", "streams/order-1", "streams/order-1/2", "streams/order-1/2?with=1"]

_STATES_OF_WORK = [
    "timeline/wf-1",
    "timeline/wf-1?at=1&by=order",
    "subscriptions",
    "subscriptions/workers",
    "rules",
    "rules/billing",
    "dead-letters",
    "dead-letters/workers",
    "dead-letters/workers/wf-1",
    "operations",
]


@pytest.fixture(scope="module")
def axe() -> str:
    if not _AXE.exists():
        pytest.skip("axe-core is not installed; infra/axe/install does it")
    return _AXE.read_text()


def faults(tab: Tab, axe: str) -> list[str]:
    """The serious faults of what is shown: the rule, and where."""
    tab.evaluate(axe + ";0")
    found: dict[str, Any] = tab.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{fault['id']}: {json.dumps([node['html'][:200] for node in fault['nodes'][:3]])}"
        for fault in found["violations"]
        if fault["impact"] in _SERIOUS
    ]


@pytest.mark.parametrize("look", [("light", 1200), ("dark", 360)], ids=["light and wide", "dark and narrow"])
@pytest.mark.parametrize("state", _STATES)
def test_a_view_has_no_serious_fault(hub: Hub, tab: Tab, axe: str, state: str, look: tuple[str, int]) -> None:
    scheme, width = look
    with hub.client() as store:
        store.publish([event(number, workflowid="order-1", data={"of": [number, {}]}) for number in (1, 2)])
    tab.colours(scheme)
    tab.resize(width)
    tab.open(f"{hub.url}/console#/{state}")
    shown = "main tbody tr, main article, main .rows [role=row]"
    tab.until(f"document.querySelector('main h1') && document.querySelector('{shown}')")
    if state.startswith("tail"):
        tab.click("button", "Open event 2 of order-1")
        tab.find("article", "Event 2")
    assert not faults(tab, axe)


@pytest.mark.parametrize("look", [("light", 1200), ("dark", 360)], ids=["light and wide", "dark and narrow"])
@pytest.mark.parametrize("state", _STATES_OF_WORK)
def test_a_view_of_work_has_no_serious_fault(hub: Hub, tab: Tab, axe: str, state: str, look: tuple[str, int]) -> None:
    scheme, width = look
    rest = Rest(hub)
    park_one(hub, rest)
    rest.call("POST", "subscriptions", id="billing", target=UNREACHABLE, **{"from": "start"})
    rest.until("subscriptions/billing", lambda body: body["held"] > 0)
    tab.colours(scheme)
    tab.resize(width)
    tab.open(f"{hub.url}/console#/{state}")
    tab.until(
        "document.querySelector('main h1') && document.querySelector('main tbody tr, main article, .tl-row')"
        " && !document.querySelector('.loading')"
    )
    tab.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    assert not faults(tab, axe)
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.needs("own-hub")
def test_signing_in_has_no_serious_fault(guarded_hub: Guarded, tab: Tab, axe: str) -> None:
    tab.open(f"{guarded_hub.url}/console")
    tab.find("button", "Sign in")
    assert not faults(tab, axe)
