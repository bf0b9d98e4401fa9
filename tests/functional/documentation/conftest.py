from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.e2e.browser import Page, find_chromium, opened
from tests.walkthroughs.walkthrough import SHELLS, Shell

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from eventstore_testing import EventstoreHub

_REPORT = """
<script type="module">
  const list = document.querySelector(LIST);
  const report = () => {
    const lines = [...list.children].map((line) => line.textContent);
    fetch("/", { method: "POST", body: JSON.stringify({ lines }) });
  };
  new MutationObserver(report).observe(list, { childList: true });
  for (const button of document.querySelectorAll("button")) button.click();
</script>
"""
"""Reports the lines of a list whenever one is added, and presses the buttons once."""


class ShowPage(Protocol):
    def __call__(self, html: str, selector: str) -> AbstractContextManager[Page]:
        """Open a page, which reports the lines of the list that the selector names."""


@pytest.fixture(params=SHELLS, ids=lambda shell: shell.name)
def shell(request: pytest.FixtureRequest) -> Shell:
    chosen: Shell = request.param
    if shutil.which(chosen.name) is None:
        pytest.skip(f"there is no {chosen.name} here")
    return chosen


@pytest.fixture
def shown(eventstore_hub: EventstoreHub, tmp_path: Path) -> ShowPage:
    program = find_chromium()
    if program is None:
        pytest.skip("Chromium is not here: install the package chromium")

    def show(html: str, selector: str) -> AbstractContextManager[Page]:
        page = html.replace("http://127.0.0.1:8081", eventstore_hub.url) + _REPORT.replace("LIST", f"'{selector}'")
        return opened(page, program=program, profile=tmp_path)

    return show
