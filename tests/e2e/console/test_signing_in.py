"""Keys and tokens: where they are entered, how long they are kept, and what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.browsing import Tab
    from tests.e2e.guarded import Guarded

pytestmark = pytest.mark.needs("own-hub")

_LINKS = "[...document.querySelectorAll('nav a')].map((link) => link.textContent)"


def sign_in(tab: Tab, hub: Guarded, credential: str, *, state: str = "") -> None:
    """Open the console, and enter a credential."""
    tab.open(f"{hub.url}/console{state}")
    tab.find("textbox", "Token" if hub.auth == "jwt" else "API key or token").enter(credential)
    tab.click("button", "Sign in")


def refused(tab: Tab) -> None:
    """Pass over that the browser reports a refused request in its log."""
    assert all("401" in complaint or "403" in complaint for complaint in tab.complaints)
    tab.complaints.clear()


def test_a_credential_opens_the_page_that_was_asked_for(guarded_hub: Guarded, tab: Tab) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "workflowid": "signed-in"}
    assert guarded_hub.caller().publish(event).status in {200, 201}
    sign_in(tab, guarded_hub, guarded_hub.credential("read"), state="#/streams/signed-in")
    tab.find("link", "Event 1")
    refused(tab)


def test_a_wrong_credential_is_refused_with_the_reason_and_not_kept(guarded_hub: Guarded, tab: Tab) -> None:
    sign_in(tab, guarded_hub, "nobodys")
    tab.until("document.querySelector('console-sign-in [role=alert]')")
    assert tab.evaluate("sessionStorage.length") == 0
    refused(tab)


def test_a_credential_that_no_header_can_carry_is_refused_before_it_is_sent(guarded_hub: Guarded, tab: Tab) -> None:
    sign_in(tab, guarded_hub, "nobody\u2019s")
    tab.until_text("letters, digits and signs of ASCII only")
    assert tab.evaluate("sessionStorage.length") == 0
    tab.find("textbox", "Token" if guarded_hub.auth == "jwt" else "API key or token").enter(
        guarded_hub.credential("read")
    )
    tab.click("button", "Sign in")
    tab.find("link", "Streams")
    refused(tab)


def test_a_credential_that_cannot_be_sent_is_left_by_signing_out(guarded_hub: Guarded, tab: Tab) -> None:
    sign_in(tab, guarded_hub, guarded_hub.credential("read"))
    tab.find("button", "Sign out")
    tab.evaluate("sessionStorage.setItem(Object.keys(sessionStorage)[0], 'nobody\u2019s')")
    tab.reload()
    tab.find("button", "Try again")
    tab.click("button", "Sign out")
    tab.find("button", "Sign in")
    assert tab.evaluate("sessionStorage.length") == 0
    refused(tab)


def test_a_credential_is_kept_over_a_reload_for_this_tab_alone_until_signing_out(
    guarded_hub: Guarded, tab: Tab
) -> None:
    sign_in(tab, guarded_hub, guarded_hub.credential("read subscribe"))
    tab.find("button", "Sign out")
    tab.reload()
    tab.find("button", "Sign out")
    assert tab.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    tab.click("button", "Sign out")
    tab.find("button", "Sign in")
    assert tab.evaluate("sessionStorage.length") == 0
    refused(tab)


@pytest.mark.parametrize(
    ("scopes", "views"),
    [
        ("read", ["Streams", "Timeline"]),
        ("subscribe", ["Live", "Subscriptions", "Rules"]),
        ("read subscribe", ["Live", "Streams", "Timeline", "Subscriptions", "Rules"]),
        ("admin", ["Subscriptions", "Rules", "Dead letters", "Operations"]),
    ],
)
def test_what_a_credential_does_not_reach_is_not_shown(
    guarded_hub: Guarded, tab: Tab, scopes: str, views: list[str]
) -> None:
    sign_in(tab, guarded_hub, guarded_hub.credential(scopes))
    tab.find("button", "Sign out")
    assert tab.until(f"{_LINKS}.length && {_LINKS}") == views
    tab.evaluate("location.hash = '#/operations'")
    if "Operations" not in views:
        tab.until_text("The credential does not permit this view.")
    refused(tab)


def test_a_credential_that_ends_leads_to_signing_in_again(guarded_hub: Guarded, tab: Tab) -> None:
    if guarded_hub.auth != "key":
        pytest.skip("a token cannot be taken back")
    sign_in(tab, guarded_hub, guarded_hub.credential("read"), state="#/streams")
    tab.find("button", "Refresh")
    guarded_hub.entries[-1]["expires"] = "2020-01-01T00:00:00Z"
    # It writes all entries.
    guarded_hub.credential("read")
    tab.until("(document.querySelector('main form')?.requestSubmit(), document.querySelector('console-sign-in'))")
    refused(tab)


def test_the_tail_follows_with_a_credential_what_it_covers(guarded_hub: Guarded, tab: Tab) -> None:
    sign_in(tab, guarded_hub, guarded_hub.credential("subscribe", streams=["mine"]))
    tab.until("document.querySelector('.state')?.textContent === 'Live'")
    admin = guarded_hub.caller()
    for number, stream in enumerate(["others", "mine"]):
        event = {"specversion": "1.0", "id": str(number), "source": "/tail", "type": "t", "workflowid": stream}
        assert admin.publish(event).status in {200, 201}
    tab.find("button", "Open event 1 of mine")
    assert not tab.all("button", "Open event 0 of others")
    refused(tab)


def test_the_documentation_shares_the_credential_of_the_tab(guarded_hub: Guarded, tab: Tab) -> None:
    sign_in(tab, guarded_hub, credential := guarded_hub.credential("read"))
    tab.find("button", "Sign out")
    tab.open(f"{guarded_hub.url}/api/v1/docs")
    assert tab.until("ui.authSelectors.authorized().toJS().bearer?.value") == credential
    tab.evaluate("void ui.authActions.logout(['bearer'])")
    assert tab.evaluate("sessionStorage.length") == 0
    other = guarded_hub.credential("subscribe")
    scheme = "{type: 'http', scheme: 'bearer'}"
    tab.evaluate(f"void ui.authActions.authorize({{bearer: {{name: 'bearer', schema: {scheme}, value: '{other}'}}}})")
    tab.open(f"{guarded_hub.url}/console")
    tab.find("link", "Live")
    refused(tab)
