"""The tutorial does what it says, command by command and program by program."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from eventstore_client import EventStore
from tests.e2e.browser import find_chromium, opened
from tests.walkthroughs.steps import steps
from tests.walkthroughs.walkthrough import SHELLS, Shell, Walkthrough

if TYPE_CHECKING:
    from eventstore_testing import EventstoreHub

_TUTORIAL = (Path(__file__).parents[3] / "docs/tutorial.md").read_text()

# Sent with each line that the page adds.
_REPORT = """
<script type="module">
  const list = document.querySelector("#orders");
  const report = () => {
    const lines = [...list.children].map((line) => line.textContent);
    fetch("/", {method: "POST", body: JSON.stringify({lines})});
  };
  new MutationObserver(report).observe(list, {childList: true});
</script>
"""


@pytest.fixture(params=SHELLS, ids=lambda shell: shell.name)
def shell(request: pytest.FixtureRequest) -> Shell:
    chosen: Shell = request.param
    if shutil.which(chosen.name) is None:
        pytest.skip(f"there is no {chosen.name} here")
    return chosen


def test_the_tutorial_does_what_it_says(eventstore_hub: EventstoreHub, shell: Shell, tmp_path: Path) -> None:
    assert Walkthrough.of(eventstore_hub, shell, tmp_path).follow(_TUTORIAL) == len(list(steps(_TUTORIAL)))

    # What the reader has built has left these events.
    by_order: dict[str, list[str]] = {}
    for event in eventstore_hub.events():
        by_order.setdefault(str(event["hubstream"]), []).append(str(event["type"]).removeprefix("order."))
    assert by_order == {
        "order-1": ["placed", "paid", "shipped"],
        "order-2": ["placed", "paid", "shipped"],
        "order-3": ["placed"],
        "order-4": ["placed", "paid", "cancelled"],
        "order-5": ["placed", "paid", "shipped"],
    }


def test_the_page_of_the_tutorial_shows_the_events_of_orders(eventstore_hub: EventstoreHub, tmp_path: Path) -> None:
    program = find_chromium()
    if program is None:
        pytest.skip("Chromium is not here: install the package chromium")
    [page] = [step.text for step in steps(_TUTORIAL) if step.name == "index.html"]
    watched = page.replace("http://127.0.0.1:8081", eventstore_hub.url) + _REPORT

    with (
        opened(watched, program=program, profile=tmp_path) as shown,
        EventStore(eventstore_hub.url) as store,
    ):
        store.publish([{"specversion": "1.0", "source": "/shop", "type": "order.placed"}], stream="order-1")
        store.publish([{"specversion": "1.0", "source": "/shop", "type": "order.paid"}], stream="order-1")
        reports = shown.until(lambda report: len(report["lines"]) == 2)

    assert reports[-1]["lines"] == ["order-1 1 order.placed", "order-1 2 order.paid"]
