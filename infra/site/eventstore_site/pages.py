"""The pages of the repository, and what they link to, as pages of the site."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from eventstore_site.links import rewritten, target_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["BrokenLink", "Pages"]

_NAMES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
_PICTURES = "*.png"
_LANGUAGES = {
    ".py": "python",
    ".yaml": "yaml",
    ".sh": "sh",
    ".json": "json",
    ".js": "js",
    ".toml": "toml",
    ".proto": "proto",
}


class BrokenLink(Exception):
    """A page links to something that the repository does not have."""


@dataclass(frozen=True)
class Pages:
    """The README, the pages of `docs`, and every file that one of these links to.

    Attributes:
        root: The repository.
    """

    root: Path

    def texts(self) -> Mapping[str, str]:
        """Return the text of each page by its path on the site.

        Raises:
            BrokenLink: A page links to something that the repository does not have; the message names both.
        """
        waiting = ["README.md", *sorted(self._documents())]
        texts: dict[str, str] = {}
        while waiting:
            path = waiting.pop()
            if self._site_path(path) not in texts:
                texts[self._site_path(path)], linked = self._text(path)
                waiting += linked
        return texts

    def pictures(self) -> Mapping[str, Path]:
        """Return the file of each picture of `docs` by its path on the site."""
        return {self._site_path(p.relative_to(self.root).as_posix()): p for p in (self.root / "docs").rglob(_PICTURES)}

    def _documents(self) -> Iterator[str]:
        for path in (self.root / "docs").rglob("*.md"):
            yield path.relative_to(self.root).as_posix()

    def _site_path(self, path: str) -> str:
        if path in _NAMES:
            return _NAMES[path]
        if path.startswith("docs/") and path.endswith((".md", ".png")):
            inner = path.removeprefix("docs/")
            return posixpath.join(
                posixpath.dirname(inner), _NAMES.get(posixpath.basename(inner), posixpath.basename(inner))
            )
        return f"files/{path.removesuffix('.md')}.md"

    def _text(self, path: str) -> tuple[str, list[str]]:
        """The text of the page of a file or folder, and the files and folders to which it links."""
        source = self.root / path
        if source.is_dir():
            inner = sorted(child for child in source.iterdir() if child.is_file())
            return "\n".join([f"# {path}\n", *(_listing(child, self.root) for child in inner)]), []
        if source.suffix != ".md":
            return f"# {path}\n\n{_listing(source, self.root, heading=False)}", []
        linked: list[str] = []
        here = posixpath.dirname(self._site_path(path))

        def replace(link: str) -> str:
            target = target_of(link, path)
            if target is None:
                return link
            name, anchor = target
            if name.startswith("..") or not (self.root / name).exists():
                raise BrokenLink(f"{path} links to {link}, and there is no {name}")
            if (self.root / name / "README.md").is_file():
                name = f"{name}/README.md"
            if not fnmatch(name, _PICTURES):
                linked.append(name)
            address = posixpath.relpath(self._site_path(name), here or ".")
            return f"{address}#{anchor}" if anchor and name.endswith(".md") else address

        return rewritten(source.read_text(), replace), linked


def _listing(path: Path, root: Path, *, heading: bool = True) -> str:
    """A file as a block of code, whose fence is longer than any in it."""
    text = path.read_text()
    fence = "`" * 3
    while fence in text:
        fence += "`"
    title = f"## {os.fspath(path.relative_to(root))}\n\n" if heading else ""
    return f"{title}{fence}{_LANGUAGES.get(path.suffix, 'text')}\n{text.rstrip()}\n{fence}\n"
