"""Colours for terminals (ECMA-48, 8.3.117). NO_COLOR turns them off (no-color.org)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

__all__ = ["PLAIN", "Style", "style_of"]

_CODES: Mapping[str, str] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
}


@dataclass(frozen=True, slots=True)
class Style:
    """Whether text has colours."""

    has_colours: bool = False

    def paint(self, text: str, colour: str | None) -> str:
        """Return the text in a colour, or in bold or dim; unchanged if there are no colours, or None is given."""
        if not self.has_colours or colour is None or not text:
            return text
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"


PLAIN = Style()
"""No colours."""


def style_of(stream: TextIO | None) -> Style:
    """Return the style of a stream: colours on a terminal, unless NO_COLOR is set or the terminal has none."""
    has_colours = (
        stream is not None
        and stream.isatty()
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM", "dumb") != "dumb"
    )
    return Style(has_colours)
