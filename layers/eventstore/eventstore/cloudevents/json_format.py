"""The JSON event format and the JSON batch format: CloudEvents 1.0.2."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from typing import TYPE_CHECKING

from eventstore.cloudevents.attributes import validated
from eventstore.cloudevents.digest import equal_content
from eventstore.cloudevents.event import BinaryData, Event, JsonData, digest_of
from eventstore.cloudevents.json_text import decoded, elements, kind_of, members
from eventstore.errors import InvalidEvent, Malformed

if TYPE_CHECKING:
    from eventstore.cloudevents.event import AttributeValue, RecordedEvent
    from eventstore.cloudevents.json_text import Member

__all__ = [
    "BASE64_PATTERN",
    "attributes_of",
    "batch_from_json",
    "data_of",
    "from_json",
    "recorded_attributes",
    "same_content",
]

BASE64_PATTERN = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
"""Base64 with padding (RFC 4648, section 4), as a regular expression."""

_BASE64 = re.compile(BASE64_PATTERN)

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_DATA = (b',"data":', b',"data_base64":')


def from_json(content: bytes | str, *, pointer: str = "") -> Event:
    """Decode an event in the JSON format.

    Args:
        content: The JSON object.
        pointer: Where the request has it (RFC 6901), for the error.

    Raises:
        Malformed: The content is not a JSON object.
        InvalidEvent: The event breaks a rule of CloudEvents.
    """
    text = content if isinstance(content, str) else decoded(content)
    if pointer and not text.startswith("{"):
        raise Malformed(f"an event must be a JSON object, not {kind_of(text)}", pointer=pointer)
    try:
        values = members(text)
    except Malformed as error:
        raise Malformed(error.detail, pointer=pointer) from error
    data = _data(values.pop("data", None), values.pop("data_base64", None), pointer)
    # Section 2.2: an attribute that is null is not set.
    attributes = {
        name: value if isinstance(value := member.value, str) else _attribute(name, member, pointer)
        for name, member in values.items()
        if member.value is not None
    }
    return Event(validated(attributes, pointer=pointer), data)


def batch_from_json(content: bytes) -> list[Event]:
    """Decode the events of a JSON array, in order. The pointers of errors start with the index of the event."""
    return [from_json(text, pointer=f"/{index}") for index, text in enumerate(elements(decoded(content)))]


def attributes_of(body: bytes) -> dict[str, AttributeValue]:
    """Return the attributes of a stored event (`Event.body`), without decoding its data."""
    head, _ = _split_data(body)
    attributes: dict[str, AttributeValue] = json.loads(head.decode())
    return attributes


def recorded_attributes(event: RecordedEvent) -> dict[str, AttributeValue]:
    """Return the attributes that filters test: those of the event, and the hub's extensions."""
    return attributes_of(event.body) | event.extensions()


def data_of(body: bytes) -> JsonData | BinaryData | None:
    """Return the data of a stored event (`Event.body`); None if it has none."""
    _, member = _split_data(body)
    if member.startswith(_DATA[0]):
        return JsonData(member[len(_DATA[0]) : -1].decode())
    if member:
        return BinaryData(b64decode(member[len(_DATA[1]) + 1 : -2]))
    return None


def same_content(first: bytes, second: bytes) -> bool:
    """Whether two stored events have equal attributes and data, by the rules of `digest.content_digest`.

    Args:
        first: A stored event (`Event.body`).
        second: Another one.
    """
    if first == second:
        return True
    return equal_content(
        digest_of(attributes_of(first), data_of(first)), digest_of(attributes_of(second), data_of(second))
    )


def _split_data(body: bytes) -> tuple[bytes, bytes]:
    # Data is the last member (event._encode), and JSON strings have no bare quotes: the first match is the member.
    for mark in _DATA:
        start = body.find(mark)
        if start >= 0:
            return body[:start] + b"}", body[start:]
    return body, b""


def _data(data: Member | None, base64: Member | None, pointer: str) -> JsonData | BinaryData | None:
    if base64 is None or base64.value is None:
        return None if data is None else JsonData(data.text)
    if data is not None:
        raise InvalidEvent(
            "data and data_base64 exclude each other; send one of them", pointer=f"{pointer}/data_base64"
        )
    # Python alone accepts padding beyond what completes the last four characters.
    if isinstance(base64.value, str) and _BASE64.fullmatch(base64.value):
        return BinaryData(b64decode(base64.value))
    raise InvalidEvent(
        "data_base64 must be Base64 with padding (RFC 4648, section 4)", pointer=f"{pointer}/data_base64"
    )


def _attribute(name: str, member: Member, pointer: str) -> AttributeValue:
    value = member.value
    if isinstance(value, str | bool):
        return value
    if _INTEGER.fullmatch(member.text):
        return int(member.text)
    kind = "an object" if isinstance(value, dict) else "an array" if isinstance(value, list) else member.text[:40]
    raise InvalidEvent(
        f"{name[:80]} must be a string, a boolean or a 32-bit integer, not {kind}; put other values in data",
        pointer=f"{pointer}/{name}",
    )
