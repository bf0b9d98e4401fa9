"""The cursors of lists that are in the order of names: the names with which a page ends."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING

from eventstore.errors import InvalidCursor
from eventstore.streams import is_name

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DEAD_LETTERS", "STREAMS", "SUBSCRIPTIONS", "names_of", "token_of"]

STREAMS, SUBSCRIPTIONS, DEAD_LETTERS = "n", "d", "l"
"""One letter for each list, so that a cursor serves where it was given."""


def token_of(kind: str, *names: str) -> str:
    """The cursor of a list of that kind whose page ends with these names."""
    return urlsafe_b64encode((kind + " ".join(names)).encode()).rstrip(b"=").decode()


def names_of(kind: str, token: str, *, count: int = 1) -> Sequence[str]:
    """The names with which an earlier page ended.

    Raises:
        InvalidCursor: This hub did not make it, or not for this list.
    """
    try:
        packed = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4)).decode("ascii")
    except ValueError:
        packed = ""
    names = packed[1:].split(" ")
    if packed[:1] == kind and len(names) == count and all(map(is_name, names)):
        return names
    raise InvalidCursor("this is no cursor of this list; use one as it was given", pointer="cursor")
