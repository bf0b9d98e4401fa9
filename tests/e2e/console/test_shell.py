"""The page itself: how it is found, what it loads, and how one moves in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.live import event

if TYPE_CHECKING:
    from tests.e2e.browsing import Tab
    from tests.e2e.hubs import Hub

# The console follows the hub, and a browser closes a connection that selects none of its subprotocols.
pytestmark = pytest.mark.needs("subprotocols")

_VIEWS = ["Live", "Streams", "Timeline", "Subscriptions", "Rules", "Dead letters", "Operations"]


def current(tab: Tab) -> str:
    """The view that the navigation names."""
    name: str = tab.until("document.querySelector('nav [aria-current=page]')?.textContent")
    return name


def test_a_browser_is_led_from_the_root_to_the_live_view(hub: Hub, tab: Tab) -> None:
    tab.open(f"{hub.url}/")
    assert current(tab) == "Live"
    assert tab.evaluate("location.pathname") == "/console"
    assert tab.evaluate("[...document.querySelectorAll('nav a')].map((link) => link.textContent)") == _VIEWS


def test_the_page_loads_its_files_once_and_keeps_them(hub: Hub, tab: Tab) -> None:
    tab.open(f"{hub.url}/console")
    tab.find("heading", "Live events")
    cached = "performance.getEntriesByType('resource').filter(({name}) => /console.*[.](js|css)$/.test(name))"
    assert tab.evaluate(f"{cached}.length") > 10
    tab.reload()
    tab.find("heading", "Live events")
    assert tab.evaluate(f"{cached}.every(({{transferSize}}) => transferSize === 0)")


def test_every_view_is_a_link_and_goes_back(hub: Hub, tab: Tab) -> None:
    tab.open(f"{hub.url}/console")
    current(tab)
    for name in _VIEWS[:2]:
        tab.click("link", name)
        tab.until(f"document.querySelector('nav [aria-current=page]')?.textContent === '{name}'")
    tab.evaluate("history.back()")
    tab.until("document.querySelector('nav [aria-current=page]')?.textContent === 'Live'")


def test_an_unknown_view_is_named(hub: Hub, tab: Tab) -> None:
    tab.open(f"{hub.url}/console#/nothing")
    tab.until_text("There is no view nothing.")


def test_an_error_says_what_is_wrong_and_can_be_closed(hub: Hub, tab: Tab) -> None:
    tab.open(f"{hub.url}/console#/streams/absent")
    tab.until("document.querySelector('[role=alert]')?.textContent.includes('stream-not-found')")
    tab.click("button", "Close the message")
    tab.until_absent("stream-not-found")


def test_the_keyboard_skips_to_the_content(hub: Hub, tab: Tab) -> None:
    tab.open(f"{hub.url}/console")
    current(tab)
    tab.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    tab.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("width", [360, 768, 1600])
@pytest.mark.parametrize("view", ["tail", "streams", "streams/order-1", "streams/order-1/1"])
def test_a_page_of_any_width_does_not_scroll_sideways(hub: Hub, tab: Tab, width: int, view: str) -> None:
    with hub.client() as store:
        store.publish([event(1, workflowid="order-1", type="io.flunq.task.completed", subject="x" * 300)])
    tab.resize(width)
    tab.open(f"{hub.url}/console#/{view}")
    tab.until("document.querySelector('main h1')")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_colours_of_the_system(hub: Hub, tab: Tab, scheme: str) -> None:
    tab.colours(scheme)
    tab.open(f"{hub.url}/console")
    current(tab)
    background = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 28)"}[scheme]
