"""A check of the built site: no link leads nowhere, and no page loads anything from elsewhere."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from functools import cached_property
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["BuiltSite"]

_LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "link": "href"}
"""The attribute by which an element loads something."""

_NOT_A_PAGE = "404.html"
"""Its links are absolute, because a server returns it for any address."""


class _Html(HTMLParser):
    """Collects what a page names, links to and loads."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.anchors |= {value for name in ("id", "name") if (value := attributes.get(name))}
        if tag == "a" and (link := attributes.get("href")):
            self.links.append(link)
        # A canonical or alternate address is not loaded.
        is_loaded = tag != "link" or attributes.get("rel") in {
            "stylesheet",
            "icon",
            "preload",
            "preconnect",
            "modulepreload",
        }
        if is_loaded and (address := attributes.get(_LOADED.get(tag, ""))):
            self.loaded.append(address)


@dataclass(frozen=True)
class BuiltSite:
    """A folder of HTML pages.

    Attributes:
        folder: The folder.
    """

    folder: Path

    def faults(self) -> Iterator[str]:
        """Yield a line for each link that leads nowhere, and for each address elsewhere that a page loads."""
        for name, page in self._pages.items():
            for address in page.loaded:
                if urlsplit(address).netloc:
                    yield f"{name} loads {address}"
            for link in (*page.links, *page.loaded):
                parts = urlsplit(link)
                if (
                    not parts.scheme
                    and not parts.netloc
                    and (missing := self._missing(name, parts.path, parts.fragment))
                ):
                    yield f"{name} links to {link}: there is no {missing}"

    @cached_property
    def _pages(self) -> Mapping[str, _Html]:
        pages: dict[str, _Html] = {}
        for path in sorted(self.folder.rglob("*.html")):
            name = path.relative_to(self.folder).as_posix()
            if name != _NOT_A_PAGE:
                pages[name] = _Html()
                pages[name].feed(path.read_text())
        return pages

    def _missing(self, page: str, path: str, anchor: str) -> str:
        """What a link leads to and does not exist; empty if all exists."""
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(path))) if path else page
        if (self.folder / target).is_dir():
            target = posixpath.normpath(f"{target}/index.html")
        if not (self.folder / target).is_file():
            return target
        if anchor and target in self._pages and unquote(anchor) not in self._pages[target].anchors:
            return f"#{anchor} in {target}"
        return ""
