"""Splitting JSON objects and arrays into the unchanged texts of their members.

Python's numbers cannot represent all of JSON's (`1e400`, or the difference of `1.0` and `1`), so texts are passed on.
"""

from __future__ import annotations

import re
from json import JSONDecodeError, JSONDecoder, decoder
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from eventstore.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Member", "decoded", "elements", "kind_of", "members", "single"]

_scanstring: Callable[[str, int], tuple[str, int]] = decoder.scanstring  # type: ignore[attr-defined]
"""Decodes a JSON string, from after its opening quote. It is the standard library's; its type stubs omit it."""

_REASONS = {
    "Expecting value": "expected a value",
    "Expecting property name": "expected a member name in double quotes",
    "Expecting ',' delimiter": "expected a comma or the end of the object or list",
    "Expecting ':' delimiter": "expected a colon",
    "Illegal trailing comma": "trailing comma",
    "Invalid control character": "unescaped control character in a string",
    "Invalid \\u": "expected four hexadecimal digits after \\u",
    "Invalid \\": "invalid escape sequence",
    "Unterminated string": "unterminated string that starts",
}
"""Our messages, by the start of the standard library's."""

_KINDS = {"{": "an object", "[": "an array", '"': "a string", "t": "true", "f": "false", "n": "null"}

_SPACE = re.compile(r"[ \t\n\r]*")
_PLAIN = re.compile(r'"([^"\\\x00-\x1f]*)"[ \t\n\r]*:[ \t\n\r]*("([^"\\\x00-\x1f]*)")([ \t\n\r]*,[ \t\n\r]*(?="))?')
"""A member whose name and value are strings without escapes, as nearly all attributes of events are, and the comma
before the next member."""


class Member(NamedTuple):
    """A value and its text. Numbers in the value are floats; the text is exact."""

    value: object
    text: str


def _no_constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is not a JSON value; JSON has neither NaN nor infinities (RFC 8259, section 6)")


# float, not int: Python refuses to parse integers of more than 4,300 digits, and only the text is used.
_DECODER = JSONDecoder(parse_int=float, parse_constant=_no_constant)


def decoded(content: bytes) -> str:
    """Decode JSON from bytes, which must be UTF-8 (RFC 8259, 8.1); raise `Malformed` if they are not."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(f"invalid UTF-8 at byte {error.start}; JSON must be encoded in UTF-8") from error


def members(text: str) -> dict[str, Member]:
    """Return the members of a JSON object.

    Raises:
        Malformed: The text is not a JSON object, or has a member twice.
    """
    members_by_name: dict[str, Member] = {}

    def add(name: str, member: Member) -> None:
        if name in members_by_name:
            raise Malformed(f"duplicate member {name[:80]!r} in an object; member names must be unique")
        members_by_name[name] = member

    def read_members(at: int) -> int:
        """Read the next member, and those after it as long as they are plain."""
        while (plain := _PLAIN.match(text, at)) is not None:
            name, own_text, value, comma = plain.groups()
            add(name, Member(value, own_text))
            at = plain.end()
            if comma is None:
                return at
        name, member, at = _member(text, at)
        add(name, member)
        return at

    _walk(text, "{", "}", read_members)
    return members_by_name


def elements(text: str) -> list[str]:
    """Return the texts of the elements of a JSON array.

    Raises:
        Malformed: The text is not a JSON array.
    """
    texts: list[str] = []

    def read_element(at: int) -> int:
        try:
            member, at = _value(text, at)
        except RecursionError as error:
            raise Malformed("the JSON is nested too deeply", pointer=f"/{len(texts)}") from error
        texts.append(member.text)
        return at

    _walk(text, "[", "]", read_element)
    return texts


def kind_of(text: str) -> str:
    """Name the kind of the JSON value that a text starts with."""
    return _KINDS.get(text[:1], "a number")


def single(text: str) -> None:
    """Check that a text is one JSON value.

    Raises:
        Malformed: It is not JSON, or is several values.
    """
    if len(elements(f"[{text}]")) != 1:
        raise Malformed("not JSON: expected exactly one value")


def _walk(text: str, opening: str, closing: str, read_item: Callable[[int], int]) -> None:
    """Call `read_item` with the offset of each item between two brackets; it returns the offset behind the item.

    It may read several items, and the commas between them.
    """
    try:
        at = _skip_space(text, 0)
        if text[at : at + 1] != opening:
            raise JSONDecodeError(f"expected {opening!r}", text, at)
        at = _skip_space(text, at + 1)
        if text[at : at + 1] == closing:
            at += 1
        else:
            while True:
                at = _skip_space(text, read_item(at))
                mark = text[at : at + 1]
                at += 1
                if mark == closing:
                    break
                if mark != ",":
                    raise JSONDecodeError(f"expected ',' or {closing!r}", text, at - 1)
                at = _skip_space(text, at)
        at = _skip_space(text, at)
        if at != len(text):
            raise JSONDecodeError("expected the end of the input", text, at)
    except JSONDecodeError as error:
        reason = next((reason for start, reason in _REASONS.items() if error.msg.startswith(start)), error.msg)
        raise Malformed(
            f"not JSON: {reason} at line {error.lineno}, column {error.colno} (character {error.pos})"
        ) from error
    except RecursionError as error:
        raise Malformed("the JSON is nested too deeply; put deeper levels into a string") from error


def _member(text: str, at: int) -> tuple[str, Member, int]:
    """Return the name and the value of a member of any form, and the offset behind it."""
    if text[at : at + 1] != '"':
        raise JSONDecodeError("expected a member name in double quotes", text, at)
    name, at = _scanstring(text, at + 1)
    at = _skip_space(text, at)
    if text[at : at + 1] != ":":
        raise JSONDecodeError("expected a colon", text, at)
    member, at = _value(text, _skip_space(text, at + 1))
    return name, member, at


def _value(text: str, at: int) -> tuple[Member, int]:
    value, end = _DECODER.raw_decode(text, at)
    return Member(value, text[at:end]), end


def _skip_space(text: str, at: int) -> int:
    # The regular expression is needed for white space alone: every other character of JSON is greater than a space.
    if text[at : at + 1] > " ":
        return at
    match = _SPACE.match(text, at)
    return match.end() if match else at
