"""Cursors of lists: they hold the last names of a page, or its last connection."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Protocol, cast

from eventstore.errors import InvalidCursor
from eventstore.ports import ListedConnection
from eventstore.streams import is_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.subscriptions import ConnectionId

__all__ = [
    "CONNECTIONS",
    "DEAD_LETTERS",
    "FILTERS",
    "SCHEMAS",
    "STREAMS",
    "SUBSCRIPTIONS",
    "Named",
    "connection_of",
    "connection_token",
    "names_of",
    "next_token",
    "token_of",
]

STREAMS, SUBSCRIPTIONS, DEAD_LETTERS, CONNECTIONS, FILTERS, SCHEMAS = "n", "d", "l", "o", "f", "s"
"""A letter for each list, so that a cursor is valid only for the list that returned it."""


class Named(Protocol):
    """An item of a list that is sorted by name."""

    @property
    def name(self) -> str:
        """Its name."""


_TIME = re.compile("[0-9]{1,15}")


def token_of(kind: str, *names: str) -> str:
    """Return the cursor of a page.

    Args:
        kind: The list.
        names: The names with which the page ends.
    """
    return urlsafe_b64encode((kind + " ".join(names)).encode()).rstrip(b"=").decode()


def next_token(kind: str, items: Sequence[Named], limit: int) -> str | None:
    """Return the cursor of a page of a list that is sorted by name; None if it is the last page.

    Args:
        kind: The list.
        items: The items of the page, and the one that follows it if there is one.
        limit: The most items of a page.
    """
    return token_of(kind, items[limit - 1].name) if len(items) > limit else None


def names_of(kind: str, token: str, *, count: int = 1) -> Sequence[str]:
    """Return the names with which the page of a cursor ended.

    Args:
        kind: The list.
        token: The cursor.
        count: How many names the cursors of the list hold.

    Raises:
        InvalidCursor: It is not a cursor of this list.
    """
    names = _words_of(kind, token)
    if len(names) == count and all(map(is_name, names)):
        return names
    raise _not_of_this_list()


def connection_token(last: ListedConnection) -> str:
    """Return the cursor of a page of connections.

    Args:
        last: The connection with which the page ends.
    """
    return token_of(CONNECTIONS, str(last.opened), last.id)


def connection_of(token: str) -> ListedConnection:
    """Return the connection with which the page of a cursor ended.

    Raises:
        InvalidCursor: It is not a cursor of the list of connections.
    """
    match _words_of(CONNECTIONS, token):
        # Not every id of a connection is a name: those of API Gateway end in `=`.
        case [opened, connection] if _TIME.fullmatch(opened) and connection:
            return ListedConnection(int(opened), cast("ConnectionId", connection))
    raise _not_of_this_list()


def _words_of(kind: str, token: str) -> Sequence[str]:
    try:
        packed = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4)).decode("ascii")
    except ValueError:
        return ()
    return packed[1:].split(" ") if packed[:1] == kind else ()


def _not_of_this_list() -> InvalidCursor:
    return InvalidCursor("this is not a cursor of this list; use a cursor exactly as it was returned", pointer="cursor")
