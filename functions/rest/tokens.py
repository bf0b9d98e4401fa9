"""Cursors of lists that are sorted by name: they hold the last names of a page."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING

from eventstore.errors import InvalidCursor
from eventstore.streams import is_name

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DEAD_LETTERS", "FILTERS", "STREAMS", "SUBSCRIPTIONS", "names_of", "token_of"]

STREAMS, SUBSCRIPTIONS, DEAD_LETTERS, FILTERS = "n", "d", "l", "f"
"""A letter for each list, so that a cursor is valid only for the list that returned it."""


def token_of(kind: str, *names: str) -> str:
    """Return the cursor of a page.

    Args:
        kind: The list.
        names: The names with which the page ends.
    """
    return urlsafe_b64encode((kind + " ".join(names)).encode()).rstrip(b"=").decode()


def names_of(kind: str, token: str, *, count: int = 1) -> Sequence[str]:
    """Return the names with which the page of a cursor ended.

    Args:
        kind: The list.
        token: The cursor.
        count: How many names the cursors of the list hold.

    Raises:
        InvalidCursor: It is not a cursor of this list.
    """
    try:
        packed = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4)).decode("ascii")
    except ValueError:
        packed = ""
    names = packed[1:].split(" ")
    if packed[:1] == kind and len(names) == count and all(map(is_name, names)):
        return names
    raise InvalidCursor("this is not a cursor of this list; use a cursor exactly as it was returned", pointer="cursor")
