"""The console's timeline of a workflow, in Chromium."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.live import event

if TYPE_CHECKING:
    from tests.e2e.browsing import Tab
    from tests.e2e.guarded import Guarded
    from tests.e2e.hubs import Hub

# The page follows by `eventstore.js`.
pytestmark = pytest.mark.needs("subprotocols")

STREAM = "order-7"
MARKUP = "<img src=x onerror=\"document.title='hacked'\"><b>bold</b>"
TREE = "Runs, and their tasks, steps, timers and other events"
DAY = 10_000


def step(number: int, kind: str, **members: Any) -> dict[str, object]:  # noqa: ANN401 - any member
    """An event of a run, a second after the one before, which caused it."""
    cause = {"causationid": f"o-{number - 1}"} if number > 1 else {}
    time = f"2026-01-05T{9 + number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
    return event(f"o-{number}", stream=STREAM, type=kind, executionid="run-1", time=time, **cause, **members)


def started(**data: object) -> dict[str, object]:
    return step(1, "io.flunq.execution.started", data={"workflow_name": "order", **data})


def task(number: int, verb: str, name: str = "charge", **data: object) -> dict[str, object]:
    return step(number, f"io.flunq.task.{verb}", taskid=name, data={"task_name": name, **data})


def publish(hub: Hub, *events: dict[str, object]) -> None:
    with hub.client() as store:
        for start in range(0, len(events), 500):
            store.publish(events[start : start + 500])


def show(tab: Tab, hub: Hub, query: str = "") -> None:
    tab.open(f"{hub.url}/console#/timeline/{STREAM}{query}")


def until_row(tab: Tab, words: str) -> None:
    """Wait until a row is read out with these words; of what goes on, `for …` stands for how long."""
    seen = r"row.ariaLabel.replace(/ for \d[^,]*/, ' for …')"
    tab.until(f"[...document.querySelectorAll('[role=treeitem]')].some((row) => {seen} === {json.dumps(words)})")


def test_a_run_is_shown_live_from_its_start_to_its_end(hub: Hub, tab: Tab) -> None:
    publish(hub, started(), task(2, "requested", attempt=1))
    show(tab, hub)
    tab.until("document.querySelector('console-timeline h1 .state')?.textContent === 'live'")
    until_row(tab, "task charge, waiting, for …")
    publish(hub, task(3, "started", attempt=1), task(4, "failed", attempt=1, error="card declined"))
    until_row(tab, "task charge, failed, 2 s, card declined")
    publish(hub, task(6, "retried", attempt=2, delay_ms=1000), task(8, "completed", attempt=2))
    until_row(tab, "task charge, completed, 6 s, 2 attempts")
    publish(hub, step(9, "io.flunq.execution.completed"))
    until_row(tab, "run order, completed, 8 s, 7 events, 1 failure, 1 retry")
    assert tab.evaluate("document.querySelectorAll('.tl-arrow').length") >= 2


def test_a_workflow_that_has_not_started_is_waited_for(hub: Hub, tab: Tab) -> None:
    show(tab, hub)
    tab.until_text("The stream has no events yet")
    publish(hub, started())
    until_row(tab, "run order, running, for …, 1 event")
    tab.until_absent("The stream has no events yet")


def test_what_an_event_says_is_never_markup(hub: Hub, tab: Tab) -> None:
    publish(
        hub,
        started(workflow_name=MARKUP),
        task(2, "requested", MARKUP),
        task(3, "failed", MARKUP, error=MARKUP),
        step(4, f"order.{MARKUP}", subject=MARKUP),
        step(5, "io.flunq.execution.failed", data={"error": MARKUP}),
    )
    show(tab, hub, "?at=3")
    until_row(tab, f"task {MARKUP}, failed, 1 s, {MARKUP}")
    tab.find("heading", f"task {MARKUP} ✕ failed")
    assert tab.evaluate("document.querySelectorAll('console-timeline :is(img, b)').length") == 0
    assert "hacked" not in tab.evaluate("document.title")


def test_a_link_leads_to_an_event_with_its_attempts_and_causes(hub: Hub, tab: Tab) -> None:
    publish(
        hub, started(), task(2, "requested"), task(3, "failed", error="card declined"), task(4, "requested", "pack")
    )
    show(tab, hub, "?at=3&by=order")
    tab.find("heading", "task charge ✕ failed")
    details = tab.find("region", "Details")
    for words in ("charge", "card declined", "Caused by", "execution.started", "Caused", "task.requested pack", "o-3"):
        assert words in details.text
    tab.click("link", "task.requested pack")
    tab.find("heading", "task pack … waiting")
    assert tab.evaluate("location.hash") == f"#/timeline/{STREAM}?by=order&at=4"


def test_the_keyboard_is_enough(hub: Hub, tab: Tab) -> None:
    publish(hub, started(), task(2, "requested"), task(3, "requested", "pack"))
    show(tab, hub)
    until_row(tab, "task pack, waiting, for …")
    tab.find("tree", TREE).call("function () { this.focus(); }")
    tab.press("ArrowDown")
    tab.press("ArrowDown")
    tab.press("Enter")
    tab.find("heading", "task pack … waiting")
    tab.press("ArrowLeft")
    tab.press("ArrowLeft")
    tab.until("document.querySelectorAll('[role=treeitem]').length === 1")
    assert tab.evaluate("document.querySelector('[role=treeitem]').ariaExpanded") == "false"


def test_the_whole_of_a_day_is_read_and_only_what_is_seen_is_in_the_page(hub: Hub, tab: Tab) -> None:
    between = [
        task(number, ("requested", "started", "completed")[number % 3 - 2], f"t-{(number - 2) // 3}")
        for number in range(2, DAY)
    ]
    publish(hub, started(), *between, step(DAY, "io.flunq.execution.completed"))
    show(tab, hub)
    tab.until_text(f"{DAY:,} events, 1 run, 0 failures")
    tree = tab.find("tree", TREE)
    assert tree.call("function () { return this.scrollHeight / 28; }") > DAY / 3
    assert tab.evaluate("document.querySelectorAll('[role=treeitem]').length") < 100
    tree.call("function () { this.focus(); }")
    tab.press("End")
    tab.until(
        f"document.getElementById(document.querySelector('[role=tree]').getAttribute('aria-activedescendant'))"
        f"?.ariaLabel.startsWith('task t-{(DAY - 3) // 3},')"
    )


def test_types_that_are_unknown_are_marks_of_their_run(hub: Hub, tab: Tab) -> None:
    publish(hub, *[event(number, stream=STREAM, type=kind) for number, kind in enumerate(["a.b", "c.d", "a.b"])])
    show(tab, hub)
    until_row(tab, "a.b, 2 events")
    until_row(tab, "c.d, 1 event")


def test_failures_can_be_selected_and_visited(hub: Hub, tab: Tab) -> None:
    publish(
        hub, started(), task(2, "completed", "pack"), task(3, "failed", error="x"), task(4, "failed", "send", error="y")
    )
    show(tab, hub)
    until_row(tab, "task pack, completed, 0 ms")
    tab.find("combobox", "Show").choose("failed")
    tab.until("document.querySelectorAll('[role=treeitem]').length === 3")
    tab.click("button", "Next failure: go there")
    tab.find("heading", "task charge ✕ failed")
    tab.click("button", "Next failure: go there")
    tab.find("heading", "task send ✕ failed")


def test_recent_executions_are_listed(hub: Hub, tab: Tab) -> None:
    publish(hub, started())
    tab.open(f"{hub.url}/console#/timeline")
    tab.click("link", "order")
    until_row(tab, "run order, running, for …, 1 event")


def test_it_fits_on_a_narrow_page(hub: Hub, tab: Tab) -> None:
    name = "a-task-with-a-name-that-is-longer-than-the-page-is-wide"
    publish(hub, started(), task(2, "failed", name, error="x" * 300))
    tab.resize(360)
    show(tab, hub, "?at=2")
    tab.find("heading", f"task {name} ✕ failed")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_reader_that_may_not_subscribe_sees_what_comes(guarded_hub: Guarded, tab: Tab) -> None:
    assert guarded_hub.caller().publish(started()).status in {200, 201}
    tab.open(f"{guarded_hub.url}/console#/timeline/{STREAM}")
    credential = "API key or token" if guarded_hub.auth == "key" else "Token"
    tab.find("textbox", credential).enter(guarded_hub.credential("read"))
    tab.click("button", "Sign in")
    tab.until_text("read every 5 s")
    assert guarded_hub.caller().publish(step(2, "io.flunq.execution.completed")).status in {200, 201}
    until_row(tab, "run order, completed, 1 s, 2 events")
