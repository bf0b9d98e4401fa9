from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.e2e.browsing import browsing
from tests.e2e.guarded import guarded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.browsing import Browser, Tab
    from tests.e2e.guarded import Guarded


@pytest.fixture(scope="session")
def browser(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The browser of all tests: to start one takes as long as most of them."""
    with browsing(program=chromium, profile=tmp_path_factory.mktemp("browser") / "profile") as browser:
        yield browser


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    """A tab of its own, which must call one origin alone, and must not complain of anything."""
    with browser.tab() as tab:
        yield tab
        assert not tab.complaints
        # A data: URL has no place.
        assert len({place for url in tab.requested if (place := urlsplit(url).netloc)}) <= 1


@pytest.fixture(scope="module", params=["key", "jwt"])
def guarded_hub(
    chromium: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Guarded]:
    """A hub that asks for credentials of a kind."""
    assert chromium
    with guarded(request.param, tmp_path_factory.mktemp("guarded")) as hub:
        yield hub
