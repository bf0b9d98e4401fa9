"""Links of a Markdown page, outside of code."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["rewritten", "target_of"]

_CODE_OR_LINK = re.compile(r"(?P<code>(`+)(?!`).+?(?<!`)\2(?!`))|\]\((?P<target>[^()\s]+)\)", re.DOTALL)
_FENCE = re.compile(r"^ *(`{3,}|~{3,})", re.MULTILINE)


def rewritten(text: str, replace: Callable[[str], str]) -> str:
    """Return a page whose link targets are replaced.

    Args:
        text: The page.
        replace: Returns the new target of a link.
    """

    def substitute(match: re.Match[str]) -> str:
        return match[0] if match["code"] else f"]({replace(match['target'])})"

    parts: list[str] = []
    rest, fence = text, ""
    while match := _FENCE.search(rest):
        if fence and not (match[1].startswith(fence) and rest[match.end() :].partition("\n")[0].strip() == ""):
            cut = match.end()
            parts.append(rest[:cut])
        elif fence:
            cut, fence = match.end(), ""
            parts.append(rest[:cut])
        else:
            # The line that opens a fence belongs to the code.
            cut = rest.find("\n", match.end()) + 1 or len(rest)
            parts += [_CODE_OR_LINK.sub(substitute, rest[: match.start()]), rest[match.start() : cut]]
            fence = match[1]
        rest = rest[cut:]
    parts.append(rest if fence else _CODE_OR_LINK.sub(substitute, rest))
    return "".join(parts)


def target_of(link: str, page: str) -> tuple[str, str] | None:
    """Return the path within the repository and the anchor that a link names, or None for a link to elsewhere.

    Args:
        link: The target of the link, as the page has it.
        page: The path of the page in the repository.
    """
    if re.match(r"[a-z][a-z0-9+.-]*:|#|//", link):
        return None
    path, _, anchor = link.partition("#")
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), path)), anchor
