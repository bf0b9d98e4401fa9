"""The rules of context attributes: CloudEvents 1.0.2, section 3."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from eventstore.errors import InvalidEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventstore.cloudevents.event import AttributeValue

__all__ = ["PATTERNS", "is_json", "validated"]

_REQUIRED = ("specversion", "id", "source", "type")
_NAME = re.compile(r"[a-z0-9]+")
_RESERVED = "hub"

# Section 3.4, String: no control characters, no surrogates, no noncharacters (the last two of every plane among them).
_FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
    + "]"
)
_INTEGERS = range(-(2**31), 2**31)

# The patterns below keep to what the regular expressions of Python and of JSON Schema (ECMA-262) share.

# RFC 3986: the characters of a URI reference, with whole percent-escapes and one fragment at most.
_URI_CHARACTERS = r"(?:[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*"
_URI_REFERENCE = re.compile(rf"{_URI_CHARACTERS}(?:#{_URI_CHARACTERS})?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")

# RFC 2045, 5.1, with the tokens of RFC 9110, 5.6.2. Of blanks, an attribute holds none but spaces.
_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PARAMETER = rf' *; *{_WORD}=(?:{_WORD}|"(?:[^"\\]|\\[^\n])*")'
# No two runs of blanks are adjacent: the expression would try all ways to divide the blanks between them.
_MEDIA_TYPE = re.compile(rf"{_WORD}/{_WORD}(?:{_PARAMETER})* *(?:; *)?")
_JSON = re.compile(r"[^;]*[/+]json\s*(?:;|$)", re.IGNORECASE)

_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)

PATTERNS: Mapping[str, str] = {
    "source": f"^{_URI_REFERENCE.pattern}$",
    "dataschema": f"^{_SCHEME.pattern}{_URI_REFERENCE.pattern}$",
    "datacontenttype": f"^{_MEDIA_TYPE.pattern}$",
    "time": f"^{_TIME.pattern}$",
}
"""What values of attributes look like, as JSON Schema says it; `time` is to be a day of the calendar, too."""


def validated(attributes: Mapping[str, AttributeValue], *, pointer: str = "") -> Mapping[str, AttributeValue]:
    """Validate attributes, and return them in canonical order, the required ones first.

    Args:
        attributes: The attributes, as in the JSON format; unset ones are absent.
        pointer: Where the request has the event (RFC 6901), for the error.

    Raises:
        InvalidEvent: An attribute breaks a rule; the error names the first one, and where.
    """
    for name in _REQUIRED:
        if name not in attributes:
            raise InvalidEvent(
                f"the attribute {name!r} is missing; every event must have it", pointer=f"{pointer}/{name}"
            )
    for name, value in attributes.items():
        reason = (None if name in _RULES else _name_error(name)) or _value_error(name, value)
        if reason:
            raise InvalidEvent(reason, pointer=f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}")
    return {name: attributes[name] for name in _REQUIRED} | dict(attributes)


def is_json(media_type: str) -> bool:
    """Whether data of a media type is a JSON value (JSON format 1.0.2, 3.1: subtype `json` or suffix `+json`)."""
    return bool(_JSON.match(media_type))


def _name_error(name: str) -> str | None:
    if name in {"data", "data_base64"}:
        return f"{name!r} is reserved for the payload; rename the attribute"
    if not _NAME.fullmatch(name):
        return f"attribute name {name[:80]!r} must consist of lower-case letters a-z and digits"
    if name.startswith(_RESERVED):
        return f"attribute {name!r} is not allowed: names that start with {_RESERVED!r} are reserved"
    return None


def _value_error(name: str, value: AttributeValue) -> str | None:
    if isinstance(value, bool):
        return f"{name} must be a string, not a boolean" if name in _RULES else None
    if isinstance(value, int):
        if name in _RULES:
            return f"{name} must be a string, not a number"
        return (
            None if value in _INTEGERS else f"{name} must be a 32-bit integer, not {value}; put larger numbers in data"
        )
    # Quickly, for most values: the printable characters of ASCII are allowed.
    forbidden = None if value.isascii() and value.isprintable() else _FORBIDDEN.search(value)
    if forbidden:
        return f"{name} contains the character U+{ord(forbidden.group()):04X}, which CloudEvents does not allow"
    rule = _RULES.get(name)
    return rule(name, value) if rule else None


def _version(name: str, value: str) -> str | None:
    return None if value == "1.0" else f"{name} must be '1.0', not {value!r}"


def _not_empty(name: str, value: str) -> str | None:
    return None if value else f"{name} must not be empty; set a value" + ("" if name in _REQUIRED else ", or omit it")


def _uri_reference(name: str, value: str) -> str | None:
    if not value or not _URI_REFERENCE.fullmatch(value):
        return f"{name} must be a URI reference (RFC 3986), not {value[:80]!r}; percent-encode other characters"
    return None


def _uri(name: str, value: str) -> str | None:
    if not _SCHEME.match(value):
        return f"{name} must be an absolute URI that starts with a scheme, not {value[:80]!r}"
    return _uri_reference(name, value)


def _media_type(name: str, value: str) -> str | None:
    return None if _MEDIA_TYPE.fullmatch(value) else f"{name} must be a media type (RFC 2046), not {value[:80]!r}"


def _timestamp(name: str, value: str) -> str | None:
    match = _TIME.fullmatch(value)
    if match:
        year, month, day = (int(match[i]) for i in (1, 2, 3))
        try:
            # RFC 3339 has a year 0, and Python's calendar does not; 2000 is a leap year as well.
            date(year or 2000, month, day)
        except ValueError:
            match = None
    return None if match else f"{name} must be a timestamp such as 2018-04-05T17:31:00Z, not {value[:80]!r}"


_RULES: Mapping[str, Callable[[str, str], str | None]] = {
    "specversion": _version,
    "id": _not_empty,
    "source": _uri_reference,
    "type": _not_empty,
    "subject": _not_empty,
    "datacontenttype": _media_type,
    "dataschema": _uri,
    "time": _timestamp,
}
