"""The tables of a page in Markdown, by the heading that they stand under: read, and written anew."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["numbers", "replaced", "rows", "table"]


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    _, found, _ = _split(page, heading)
    return [_cells(line) for line in found.splitlines()[2:]]


def numbers(page: str, heading: str) -> Mapping[str, float]:
    """What the first column names, with the number in the second one."""
    return {name: float(value.replace(",", "")) for name, value, *_ in rows(page, heading)}


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [head, rule, *lines])


def replaced(page: str, heading: str, new: str) -> str:
    """The page with another table under the heading."""
    before, _, behind = _split(page, heading)
    return before + new + behind


def _split(page: str, heading: str) -> tuple[str, str, str]:
    at = re.search(rf"^#+ {re.escape(heading)}\n(?:(?!#+ )[^\n]*\n)*?(?=\|)", page, re.MULTILINE)
    if at is None:
        raise ValueError(f"there is no table under {heading!r}")
    found = re.compile(r"(?:\|[^\n]*\n)+").match(page, at.end())
    if found is None:
        raise ValueError(f"the table under {heading!r} has no lines")
    return page[: found.start()], found.group(), page[found.end() :]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
