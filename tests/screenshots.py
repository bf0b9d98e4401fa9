"""`python -m tests.screenshots`: makes the pictures of docs/console.md, of a hub that has the runs of `make demo`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from eventstore_client import EventStore
from eventstore_client.cli.main import main as eventstore
from eventstore_hosting.valkey import ValkeyServer
from tests.e2e.browser import find_chromium
from tests.e2e.browsing import browsing
from tests.e2e.servers import instances_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.browsing import Tab

_FOLDER = Path(__file__).parents[1] / "docs/images"
_WIDTH, _HEIGHT = 1100, 560


class _Shot(NamedTuple):
    """A picture: its name, the state of the page, a text that the page shows once it is ready, and its colours."""

    name: str
    state: str
    ready: str
    colours: str = "light"


def main() -> None:
    """Make the pictures; exit with a message without a browser."""
    program = find_chromium()
    if program is None:
        sys.exit("Chromium is not here: install the package chromium")
    with ExitStack() as stack:
        valkey = stack.enter_context(ValkeyServer.start())
        [instance] = stack.enter_context(instances_on(valkey.url, count=1))
        profile = Path(stack.enter_context(TemporaryDirectory()))
        browser = stack.enter_context(browsing(program=program, profile=profile))
        tab = stack.enter_context(browser.tab())
        eventstore(["demo", "--url", instance.url])
        with EventStore(instance.url) as store:
            for shot in _shots(store):
                _take(tab, f"{instance.url}/console#/{shot.state}", shot)


def _shots(store: EventStore) -> Iterator[_Shot]:
    failed = next(iter(store.search(type="io.flunq.task.failed")))
    yield _Shot("timeline", f"timeline/{failed.stream}?by=order", "Next failure")
    yield _Shot("streams", "streams", failed.stream.partition("-")[0])
    store.subscriptions.create("billing", filters=[{"prefix": {"type": "io.flunq.task."}}], start="start")
    yield _Shot("subscription", "subscriptions/billing", "Partitions", "dark")


def _take(tab: Tab, url: str, shot: _Shot) -> None:
    tab.resize(_WIDTH, _HEIGHT)
    tab.colours(shot.colours)
    tab.open(url)
    tab.until_text(shot.ready)
    _FOLDER.mkdir(exist_ok=True)
    (_FOLDER / f"console-{shot.name}.png").write_bytes(tab.screenshot())


if __name__ == "__main__":
    main()
