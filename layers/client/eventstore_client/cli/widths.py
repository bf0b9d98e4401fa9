"""The width of text in a terminal: East Asian characters take two columns (UAX #11), combining ones none."""

from __future__ import annotations

import unicodedata

__all__ = ["padded", "width_of"]


def width_of(text: str) -> int:
    """Return the number of columns that a text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def padded(text: str, width: int) -> str:
    """Return the text, followed by spaces up to a width."""
    return text + " " * (width - width_of(text))


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Cf", "Me", "Mn"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "FW" else 1
