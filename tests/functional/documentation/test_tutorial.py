"""The tutorial does what it says, command by command and program by program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eventstore_client import EventStore
from tests.walkthroughs.steps import steps
from tests.walkthroughs.walkthrough import Walkthrough

if TYPE_CHECKING:
    from eventstore_testing import EventstoreHub
    from tests.functional.documentation.conftest import ShowPage
    from tests.walkthroughs.walkthrough import Shell

_TUTORIAL = (Path(__file__).parents[3] / "docs/tutorial.md").read_text()


def test_the_tutorial_does_what_it_says(eventstore_hub: EventstoreHub, shell: Shell, tmp_path: Path) -> None:
    assert Walkthrough.at_the_checkout(eventstore_hub, shell, tmp_path).follow(_TUTORIAL) == len(list(steps(_TUTORIAL)))

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


def test_the_page_of_the_tutorial_shows_the_events_of_orders(eventstore_hub: EventstoreHub, shown: ShowPage) -> None:
    [html] = [step.text for step in steps(_TUTORIAL) if step.name == "index.html"]

    with shown(html, "#orders") as page, EventStore(eventstore_hub.url) as store:
        store.publish([{"specversion": "1.0", "source": "/shop", "type": "order.placed"}], stream="order-1")
        store.publish([{"specversion": "1.0", "source": "/shop", "type": "order.paid"}], stream="order-1")
        reports = page.until(lambda report: len(report["lines"]) == 2)

    assert reports[-1]["lines"] == ["order-1 1 order.placed", "order-1 2 order.paid"]
