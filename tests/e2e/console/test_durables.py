"""The console's subscriptions, rules and dead letters, in Chromium."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from eventstore_client import Park
from tests.e2e.live import SECONDS, event
from tests.e2e.test_durable import Rest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eventstore_client import Recorded
    from tests.e2e.browsing import Tab
    from tests.e2e.guarded import Guarded
    from tests.e2e.hubs import Hub

pytestmark = pytest.mark.needs("subprotocols")

MARKUP = "<img src=x onerror=document.title='hacked'>"
FAILING = "order.cancelled"
UNREACHABLE = {"http": "http://127.0.0.1:9/hook"}


class Way(NamedTuple):
    """How a parked stream goes on.

    Attributes:
        button: What asks for it.
        said: A part of what the confirmation says.
        handled: The events that are handled then.
    """

    button: str
    said: str
    handled: Sequence[str]


WAYS = {
    "Try again": Way("Try again …", "goes on with event 1, which failed", ["a", "b", "c"]),
    "Skip": Way("Skip the event …", "goes on behind event 1", ["b", "c"]),
    "Drop": Way("Drop all that waits …", "will never be sent to workers", []),
}


@pytest.fixture
def rest(hub: Hub) -> Rest:
    return Rest(hub)


@contextmanager
def working(hub: Hub, name: str) -> Iterator[list[str]]:
    """A member that handles events, and parks those that fail; their ids."""
    handled: list[str] = []

    def handle(received: Recorded) -> None:
        if received.type == FAILING and received.id not in handled:
            handled.append(received.id)
            raise Park(f"cannot cancel {MARKUP}")
        handled.append(received.id)

    with hub.client() as store, store.work(name) as worker:
        thread = threading.Thread(target=lambda: worker.run(handle))
        thread.start()
        yield handled
        worker.close()
        thread.join(SECONDS)


def publish(hub: Hub, *events: dict[str, object]) -> None:
    with hub.client() as store:
        store.publish(events)


def parked(rest: Rest) -> dict[str, Any]:
    """The only parked stream, once it is there."""
    [letter] = rest.until("dead-letters?subscription=workers&stream=wf-1", lambda body: body["dead_letters"])[
        "dead_letters"
    ]
    return dict(letter)


def park_one(hub: Hub, rest: Rest) -> None:
    """Have a member park the first of three events of a stream."""
    rest.call("POST", "subscriptions", id="workers", max_attempts=1)
    publish(hub, event("a", type=FAILING, data=MARKUP), event("b", type="order.changed"), event("c", type="order.sent"))
    with working(hub, "workers"):
        parked(rest)


def confirm(tab: Tab, action: str) -> str:
    """Confirm in the dialog, and return what it said."""
    said: str = tab.until("document.querySelector('dialog[open]')?.innerText")
    [button] = [
        each for each in tab.all("button", action) if each.call("function () { return !!this.closest('dialog'); }")
    ]
    button.click()
    tab.until("!document.querySelector('dialog')")
    return said


def test_members_and_what_they_own_are_shown(hub: Hub, rest: Rest, tab: Tab) -> None:
    rest.call("POST", "subscriptions", id="workers", filters=[{"prefix": {"type": "order."}}])
    with working(hub, "workers") as handled:
        rest.until("subscriptions/workers", lambda body: all(part["owner"] for part in body["partitions"]))
        publish(hub, event("a", type="order.placed"))
        tab.open(f"{hub.url}/console#/subscriptions")
        tab.click("link", "workers")
        tab.find("heading", "workers")
        [member] = rest.call("GET", "subscriptions/workers")[1]["members"]
        tab.until(f"document.body.innerText.includes({json.dumps(member['connection'])})")
        partitions = rest.call("GET", "stats")[1]["partitions"]
        tab.until(f"document.querySelectorAll('[aria-label=Partitions] tbody tr').length === {partitions}")
        tab.until_text(", ".join(map(str, range(partitions))))
        tab.until(
            "[...document.querySelectorAll('svg[role=img]')].some("
            "(chart) => chart.ariaLabel.startsWith('Lag in all: now 0, between'))"
        )
    assert handled == ["a"]
    tab.until_text("No member is connected")


def test_what_waits_is_seen_as_lag(hub: Hub, rest: Rest, tab: Tab) -> None:
    rest.call("POST", "subscriptions", id="workers")
    publish(hub, *[event(number) for number in range(7)])
    tab.open(f"{hub.url}/console#/subscriptions")
    tab.until("[...document.querySelectorAll('main td')].some((cell) => cell.innerText.trim() === '7')")
    tab.until_text("nobody works")


def test_a_change_says_what_it_does_before_it_does_it(hub: Hub, rest: Rest, tab: Tab) -> None:
    rest.call("POST", "subscriptions", id="workers")
    tab.open(f"{hub.url}/console#/subscriptions/workers")
    tab.find("heading", "Operations")
    tab.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    tab.find("spinbutton", "Seconds to acknowledge").enter("60")
    tab.find("textbox", "Filters, as JSON").enter('[{"prefix": {"type": "order."}}]')
    tab.click("button", "Change …")
    said = confirm(tab, "Change")
    assert "becomes 60 s (now 30 s)" in said
    assert "keeps its position" in said
    tab.until_text("The definition is changed")
    changed = rest.call("GET", "subscriptions/workers")[1]
    assert (changed["ack_deadline"], changed["filters"]) == (60, [{"prefix": {"type": "order."}}])
    assert changed["max_attempts"] == 5


def test_a_change_that_is_cancelled_or_refused_changes_nothing(hub: Hub, rest: Rest, tab: Tab) -> None:
    rest.call("POST", "subscriptions", id="workers")
    tab.open(f"{hub.url}/console#/subscriptions/workers")
    tab.find("heading", "Operations")
    tab.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    tab.find("textbox", "Filters, as JSON").enter("[{")
    tab.click("button", "Change …")
    tab.until_text("The filters are no JSON")
    tab.find("textbox", "Filters, as JSON").enter('[{"prefix": {"type": ""}}]')
    tab.click("button", "Change …")
    confirm(tab, "Change")
    tab.until_text("invalid-filter")
    tab.find("textbox", "Filters, as JSON").enter("[]")
    tab.find("spinbutton", "Attempts").enter("9")
    tab.click("button", "Change …")
    confirm(tab, "Cancel")
    assert rest.call("GET", "subscriptions/workers")[1]["version"] == 1


@pytest.mark.parametrize("operation", ["Change", "Delete"])
def test_what_is_confirmed_applies_to_the_version_that_was_shown(
    hub: Hub, rest: Rest, tab: Tab, operation: str
) -> None:
    rest.call("POST", "subscriptions", id="workers")
    tab.open(f"{hub.url}/console#/subscriptions/workers")
    tab.find("heading", "Operations")
    tab.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    tab.find("spinbutton", "Attempts").enter("9")
    tab.click("button", f"{operation} …")
    tab.until("document.querySelector('dialog[open]')")
    assert rest.call("PATCH", "subscriptions/workers", max_in_flight=7)[0] == 200
    # The forms are made anew for another version.
    tab.until("document.getElementById('change-flight').value === '7'")
    if operation == "Delete":
        tab.find("textbox", "Enter workers to confirm").enter("workers")
    confirm(tab, operation)
    tab.until_text("wrong-subscription-version")
    status, body = rest.call("GET", "subscriptions/workers")
    assert (status, body["version"], body["max_attempts"]) == (200, 2, 5)


def test_a_replay_sends_what_was_handled_again(hub: Hub, rest: Rest, tab: Tab) -> None:
    rest.call("POST", "subscriptions", id="workers")
    publish(hub, event("a"))
    with working(hub, "workers") as handled:
        rest.until("subscriptions/workers", lambda body: handled and body["lag"] == 0)
        tab.open(f"{hub.url}/console#/subscriptions/workers")
        tab.find("heading", "Operations")
        tab.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        tab.click("button", "Replay …")
        said = confirm(tab, "Replay")
        assert "Every matching event that is kept is sent to its 1 member again" in said
        tab.until_text("Accepted")
        rest.until("subscriptions/workers", lambda _: handled == ["a", "a"])


def test_a_deletion_asks_for_the_name(hub: Hub, rest: Rest, tab: Tab) -> None:
    rest.call("POST", "subscriptions", id="workers")
    tab.open(f"{hub.url}/console#/subscriptions/workers")
    tab.click("button", "Delete …")
    assert tab.until("document.querySelector('dialog[open] button[value=yes]').disabled")
    tab.find("textbox", "Enter workers to confirm").enter("workers")
    confirm(tab, "Delete")
    tab.until_text("There is no durable subscription")
    assert rest.call("GET", "subscriptions/workers")[0] == 404


def test_a_rule_shows_its_target_and_why_its_circuit_is_open(hub: Hub, rest: Rest, tab: Tab) -> None:
    assert rest.call("POST", "subscriptions", id="billing", target=UNREACHABLE)[0] == 201
    rest.call("POST", "subscriptions", id="workers")
    publish(hub, *[event(number, stream=f"wf-{number % 4}") for number in range(12)])
    rest.until("subscriptions/billing", lambda body: body["open_circuits"] > 0)
    tab.open(f"{hub.url}/console#/rules")
    tab.click("link", "billing")
    tab.until_text("✕ open")
    tab.until_text("next try")
    assert UNREACHABLE["http"] in tab.text()
    tab.open(f"{hub.url}/console#/rules")
    tab.until("!document.body.innerText.includes('workers')")


def test_a_parked_event_is_shown_with_its_reason_and_what_waits(hub: Hub, rest: Rest, tab: Tab) -> None:
    park_one(hub, rest)
    tab.open(f"{hub.url}/console#/dead-letters")
    tab.click("link", "wf-1, parked by workers")
    tab.until_text(f"cannot cancel {MARKUP}")
    tab.until_text("2 events follow in the stream")
    assert "order.changed" in tab.find("table", "Events behind it").text
    assert tab.find("article", "Event a").text.count(MARKUP) == 1
    assert "hacked" not in tab.evaluate("document.title")
    assert tab.evaluate("document.querySelectorAll('main img').length") == 0


@pytest.mark.parametrize("action", WAYS)
def test_a_parked_stream_goes_on(hub: Hub, rest: Rest, tab: Tab, action: str) -> None:
    way = WAYS[action]
    park_one(hub, rest)
    tab.open(f"{hub.url}/console#/dead-letters/workers/wf-1")
    tab.click("button", way.button)
    assert way.said in confirm(tab, action)
    tab.until_text("Accepted: 1 stream goes on")
    rest.until("dead-letters?subscription=workers", lambda body: not body["dead_letters"])
    with working(hub, "workers") as received:
        received.append("a")
        publish(hub, event("d"))
        rest.until("subscriptions/workers", lambda _: "d" in received)
    assert received[1:-1] == way.handled


def test_all_that_a_subscription_has_parked_is_purged_by_its_name(hub: Hub, rest: Rest, tab: Tab) -> None:
    park_one(hub, rest)
    tab.open(f"{hub.url}/console#/dead-letters/workers")
    tab.click("button", "Drop all that waits …")
    tab.find("textbox", "Enter workers to confirm").enter("workers")
    confirm(tab, "Drop")
    tab.until_text("Accepted: 1 stream goes on")
    tab.until_text("Nothing is parked")


def test_without_admin_there_is_nothing_dangerous(guarded_hub: Guarded, tab: Tab) -> None:
    created = guarded_hub.caller().call("POST", "/api/v1/subscriptions", {"id": "watched"})
    assert created.status in {200, 201}
    tab.open(f"{guarded_hub.url}/console#/subscriptions/watched")
    label = "Token" if guarded_hub.auth == "jwt" else "API key or token"
    tab.find("textbox", label).enter(guarded_hub.credential("read subscribe"))
    tab.click("button", "Sign in")
    tab.find("heading", "Partitions")
    assert tab.all("button", "Delete …") == []
    assert "Operations" not in tab.text()
    assert "Dead letters" not in tab.text()
    tab.open(f"{guarded_hub.url}/console#/dead-letters")
    tab.until_text("The credential does not permit this view")
