"""The header fields that a target may add to the requests that it receives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eventstore.errors import InvalidTarget

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MAX_HEADERS", "NAME_PATTERN", "VALUE_PATTERN", "check_headers"]

MAX_HEADERS = 20
_MAX_NAME = 100
_MAX_VALUE = 4096
_MAX_BYTES = 8192

NAME_PATTERN = f"[A-Za-z0-9!#$%&'*+.^_`|~-]{{1,{_MAX_NAME}}}"
"""Of a whole name (RFC 9110, 5.6.2), as JSON Schema and Python read it alike."""

VALUE_PATTERN = r"[!-~]([\t -~]*[!-~])?"
"""Of a whole value: visible ASCII (RFC 9110, 5.5), with blanks between the characters. No line break ends the field."""

_RESERVED = frozenset(
    {
        "accept-encoding",
        "connection",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
    }
)
"""Fields of the connection (RFC 9110, 7.6.1), fields that the hub sets, and fields of proxies, which servers trust."""

_RESERVED_PREFIXES = ("ce-", "content-", "proxy-", "webhook-", "x-forwarded-")


def check_headers(headers: Sequence[tuple[str, str]], *, pointer: str = "") -> None:
    """Check names and values.

    Args:
        headers: The names and values.
        pointer: Where the request has them (RFC 6901), for the error.

    Raises:
        InvalidTarget: A name or a value is invalid or reserved, a name occurs twice, or there are too many. The detail
            does not repeat values, which may be credentials.
    """
    reason = _count_error(headers)
    seen: set[str] = set()
    for name, value in headers:
        reason = reason or _name_error(name, seen) or _value_error(name, value)
        seen.add(name.lower())
    if reason:
        raise InvalidTarget(reason, pointer=pointer)


def _count_error(headers: Sequence[tuple[str, str]]) -> str:
    if len(headers) > MAX_HEADERS:
        return f"there are {len(headers)} headers; at most {MAX_HEADERS} are allowed"
    if sum(len(name) + len(value) for name, value in headers) > _MAX_BYTES:
        return f"the headers have more than {_MAX_BYTES} characters"
    return ""


def _name_error(name: str, seen: set[str]) -> str:
    lower = name.lower()
    if not re.fullmatch(NAME_PATTERN, name):
        return f"{name[:80]!r} is not the name of a header: letters, digits and - of at most {_MAX_NAME} characters"
    if lower in _RESERVED or lower.startswith(_RESERVED_PREFIXES):
        return f"header {name} is set by the hub or belongs to the connection; leave it out"
    if lower in seen:
        return f"header {name} occurs twice; names are not case-sensitive"
    return ""


def _value_error(name: str, value: str) -> str:
    if len(value) > _MAX_VALUE:
        return f"the value of header {name} has {len(value)} characters; at most {_MAX_VALUE} are allowed"
    if value and not re.fullmatch(VALUE_PATTERN, value):
        return f"the value of header {name} must be visible ASCII characters, with blanks only between them"
    return ""
