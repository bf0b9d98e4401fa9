"""Reads and replaces the tables of a Markdown page, by their headings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["numbers", "replaced", "rows", "table"]


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    _, body, _ = _split(page, heading)
    return [_cells(line) for line in body.splitlines()[2:]]


def numbers(page: str, heading: str) -> Mapping[str, float]:
    """The numbers in the second column, by the names in the first."""
    return {name: float(value.replace(",", "")) for name, value, *_ in rows(page, heading)}


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table with text in the first column and numbers in the others."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [head, rule, *lines])


def replaced(page: str, heading: str, new: str) -> str:
    """The page with the table under a heading replaced."""
    before, _, behind = _split(page, heading)
    return before + new + behind


def _split(page: str, heading: str) -> tuple[str, str, str]:
    at = re.search(rf"^#+ {re.escape(heading)}\n(?:(?!#+ )[^\n]*\n)*?(?=\|)", page, re.MULTILINE)
    if at is None:
        raise ValueError(f"there is no table under {heading!r}")
    match = re.compile(r"(?:\|[^\n]*\n)+").match(page, at.end())
    if match is None:
        raise ValueError(f"the table under {heading!r} has no lines")
    return page[: match.start()], match.group(), page[match.end() :]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
