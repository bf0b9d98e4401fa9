"""The width of text in a terminal: East Asian characters take two columns (UAX #11), combining ones none."""

from __future__ import annotations

import json
import re
import unicodedata

__all__ = ["clipped", "escaped", "padded", "printable", "width_of"]

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""The characters that a terminal may take for commands (ECMA-48), apart from a tab and a line break."""


def width_of(text: str) -> int:
    """Return the number of columns that a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def padded(text: str, width: int) -> str:
    """Return the text, followed by spaces up to a width."""
    return text + " " * (width - width_of(text))


def clipped(text: str, width: int) -> str:
    """Return the text, cut to a width with an ellipsis at its end if it is longer."""
    if width_of(text) <= width:
        return text
    kept, rest = "", width - 1
    for character in text:
        rest -= _columns(character)
        if rest < 0:
            break
        kept += character
    return f"{kept}…" if width > 0 else ""


def printable(text: str) -> str:
    """Return the text; as JSON if it has a line break, which would break a table, or a terminal's control character."""
    return text if text.isprintable() else json.dumps(text)


def escaped(text: str) -> str:
    """Return the text with the control characters that a terminal may obey as JSON escapes, which JSON has, too."""
    return text if text.isprintable() else _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Cf", "Me", "Mn"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "FW" else 1
