"""Requests as the bodies that REST has for them, and answers of REST as messages: each rule is in one place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from functions.rest.queries import names_query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from functions.rest.queries import NamesQuery

__all__ = ["NamesRequest", "body_of", "message_like", "names_page", "query_of"]

MessageT = TypeVar("MessageT", bound=Message)


class NamesRequest(Protocol):
    """A request for a page of a list that is sorted by name."""

    prefix: str
    limit: int
    cursor: str


def body_of(members: Mapping[str, object]) -> bytes:
    """Return a body in JSON.

    Args:
        members: Its members; an empty text or list, and an empty object, is left out. None stands for null.
    """
    return json.dumps({name: value for name, value in members.items() if value not in ("", [], {})}).encode()


def message_like(message: MessageT, answer: Mapping[str, Any]) -> MessageT:
    """Fill in a message from an answer of REST whose members have the same names, and return it."""
    parsed: MessageT = ParseDict(dict(answer), message)
    return parsed


def names_page(kind: str, request: NamesRequest) -> NamesQuery:
    """Return the query for a page of a list that is sorted by name; raises `InvalidQuery` or `InvalidCursor`.

    Args:
        kind: The list, as in `functions.rest.tokens`.
        request: The request.
    """
    return names_query(query_of(prefix=request.prefix, limit=request.limit, cursor=request.cursor), kind)


def query_of(**values: str | int) -> Mapping[str, list[str]]:
    """Return values as query parameters; those that are empty or 0 are left out."""
    return {name: [str(value)] for name, value in values.items() if value}
