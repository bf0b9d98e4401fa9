"""JSON objects and arrays taken apart without touching the text of their members.

Python's numbers cannot hold all of JSON's (`1e400`, `1.0` against `1`), so what is passed on is the text itself.
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
"""Reads a JSON string from behind its opening quote; the standard library's own, which its stubs leave out."""

_PLAIN = {
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
"""What the standard library says, in words that name what is wrong; by how its messages start."""

_KINDS = {"{": "an object", "[": "an array", '"': "a string", "t": "true", "f": "false", "n": "null"}

_SPACE = re.compile(r"[ \t\n\r]*")


class Member(NamedTuple):
    """A value and the text that it stands in; its numbers are floats, whatever the text says."""

    value: object
    text: str


def _no_constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is not a JSON value; JSON has neither NaN nor infinities (RFC 8259, section 6)")


# float, not int: Python refuses to read integers of more than 4,300 digits, and only the text counts.
_DECODER = JSONDecoder(parse_int=float, parse_constant=_no_constant)


def decoded(content: bytes) -> str:
    """The text of JSON that came as bytes; JSON is UTF-8 (RFC 8259, 8.1)."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(f"invalid UTF-8 at byte {error.start}; JSON must be encoded in UTF-8") from error


def members(text: str) -> dict[str, Member]:
    """The members of the object that the text is.

    Raises:
        Malformed: The text is no JSON object, or has a member twice.
    """
    found: dict[str, Member] = {}

    def one(at: int) -> int:
        if text[at : at + 1] != '"':
            raise JSONDecodeError("expected a member name in double quotes", text, at)
        name, at = _scanstring(text, at + 1)
        at = _space(text, at)
        if text[at : at + 1] != ":":
            raise JSONDecodeError("expected a colon", text, at)
        member, at = _value(text, _space(text, at + 1))
        if name in found:
            raise Malformed(f"duplicate member {name[:80]!r} in an object; member names must be unique")
        found[name] = member
        return at

    _walk(text, "{", "}", one)
    return found


def elements(text: str) -> list[str]:
    """The texts of the elements of the array that the text is.

    Raises:
        Malformed: The text is no JSON array.
    """
    found: list[str] = []

    def one(at: int) -> int:
        try:
            member, at = _value(text, at)
        except RecursionError as error:
            raise Malformed("the JSON is nested too deeply", pointer=f"/{len(found)}") from error
        found.append(member.text)
        return at

    _walk(text, "[", "]", one)
    return found


def kind_of(text: str) -> str:
    """What kind of JSON value a text is, in words."""
    return _KINDS.get(text[:1], "a number")


def single(text: str) -> None:
    """Return if the text is one JSON value.

    Raises:
        Malformed: It is none, or more than one.
    """
    if len(elements(f"[{text}]")) != 1:
        raise Malformed("not JSON: expected exactly one value")


def _walk(text: str, opening: str, closing: str, one: Callable[[int], int]) -> None:
    try:
        at = _space(text, 0)
        if text[at : at + 1] != opening:
            raise JSONDecodeError(f"expected {opening!r}", text, at)
        at = _space(text, at + 1)
        if text[at : at + 1] == closing:
            at += 1
        else:
            while True:
                at = _space(text, one(at))
                mark = text[at : at + 1]
                at += 1
                if mark == closing:
                    break
                if mark != ",":
                    raise JSONDecodeError(f"expected ',' or {closing!r}", text, at - 1)
                at = _space(text, at)
        at = _space(text, at)
        if at != len(text):
            raise JSONDecodeError("expected the end of the input", text, at)
    except JSONDecodeError as error:
        reason = next((plain for start, plain in _PLAIN.items() if error.msg.startswith(start)), error.msg)
        raise Malformed(
            f"not JSON: {reason} at line {error.lineno}, column {error.colno} (character {error.pos})"
        ) from error
    except RecursionError as error:
        raise Malformed("the JSON is nested too deeply; put deeper levels into a string") from error


def _value(text: str, at: int) -> tuple[Member, int]:
    value, end = _DECODER.raw_decode(text, at)
    return Member(value, text[at:end]), end


def _space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
