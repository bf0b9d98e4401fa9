"""Messages in frames that the hub takes (docs/protocol.md, "Limits")."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LARGEST_MESSAGE", "fragments"]

LARGEST_MESSAGE = 128 * 1024
_CHARACTERS = 32 * 1024 // 4  # a character has up to four bytes


def fragments(text: str) -> str | Sequence[str]:
    """A message whole, or in pieces of at most 32 KiB."""
    if len(text) <= _CHARACTERS:
        return text
    return [text[at : at + _CHARACTERS] for at in range(0, len(text), _CHARACTERS)]
