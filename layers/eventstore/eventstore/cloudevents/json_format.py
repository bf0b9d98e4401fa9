"""The JSON event format and the JSON batch format: CloudEvents 1.0.2."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from eventstore.cloudevents.attributes import validated
from eventstore.cloudevents.event import BinaryData, Event, JsonData
from eventstore.cloudevents.json_text import decoded, elements, kind_of, members
from eventstore.errors import InvalidEvent, Malformed

if TYPE_CHECKING:
    from eventstore.cloudevents.event import AttributeValue, RecordedEvent
    from eventstore.cloudevents.json_text import Member

__all__ = ["attributes_of", "batch_from_json", "data_of", "from_json", "recorded_attributes", "same_content"]

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_DATA = (b',"data":', b',"data_base64":')


def from_json(content: bytes | str, *, pointer: str = "") -> Event:
    """The event that a JSON object is.

    Raises:
        Malformed: It is no JSON object.
        InvalidEvent: It breaks a rule of CloudEvents.
    """
    text = content if isinstance(content, str) else decoded(content)
    if pointer and not text.startswith("{"):
        raise Malformed(f"an event must be a JSON object, not {kind_of(text)}", pointer=pointer)
    try:
        found = members(text)
    except Malformed as error:
        raise Malformed(error.detail, pointer=pointer) from error
    data = _data(found.pop("data", None), found.pop("data_base64", None), pointer)
    # Section 2.2: an attribute that is null is one that is not set.
    attributes = {name: _attribute(name, member, pointer) for name, member in found.items() if member.value is not None}
    return Event(validated(attributes, pointer=pointer), data)


def batch_from_json(content: bytes) -> list[Event]:
    """The events of a JSON array, in its order. The pointers of errors start with the element's index."""
    return [from_json(text, pointer=f"/{index}") for index, text in enumerate(elements(decoded(content)))]


def attributes_of(body: bytes) -> dict[str, AttributeValue]:
    """The attributes of a stored event (`Event.body`), at a cost that does not depend on its data."""
    head, _ = _split(body)
    attributes: dict[str, AttributeValue] = json.loads(head.decode())
    return attributes


def recorded_attributes(event: RecordedEvent) -> dict[str, AttributeValue]:
    """The attributes of a recorded event, the hub's extensions among them: what filters see."""
    return attributes_of(event.body) | event.extensions()


def data_of(body: bytes) -> JsonData | BinaryData | None:
    """The data of a stored event (`Event.body`)."""
    _, member = _split(body)
    if member.startswith(_DATA[0]):
        return JsonData(member[len(_DATA[0]) : -1].decode())
    if member:
        return BinaryData(b64decode(member[len(_DATA[1]) + 1 : -2]))
    return None


def same_content(one: bytes, other: bytes) -> bool:
    """Whether two bodies say the same: attributes alike, data alike, JSON data number for number."""
    if attributes_of(one) != attributes_of(other):
        return False
    first, second = data_of(one), data_of(other)
    if first == second:
        return True
    if not (isinstance(first, JsonData) and isinstance(second, JsonData)):
        return False
    try:
        return _exact(first.text) == _exact(second.text)
    except (RecursionError, InvalidOperation):
        return False


def _split(body: bytes) -> tuple[bytes, bytes]:
    # Data stands last (events._encode), and inside a JSON string no quote is bare: the first match is the member.
    for mark in _DATA:
        at = body.find(mark)
        if at >= 0:
            return body[:at] + b"}", body[at:]
    return body, b""


def _exact(text: str) -> object:
    # True equals 1 in Python, and does not in JSON.
    def exact(value: object) -> object:
        if isinstance(value, dict):
            return {name: exact(member) for name, member in value.items()}
        if isinstance(value, list):
            return [exact(element) for element in value]
        return (value,) if isinstance(value, bool) else value

    return exact(json.loads(text, parse_int=Decimal, parse_float=Decimal))


def _data(data: Member | None, base64: Member | None, pointer: str) -> JsonData | BinaryData | None:
    if base64 is None or base64.value is None:
        return None if data is None else JsonData(data.text)
    if data is not None:
        raise InvalidEvent(
            "data and data_base64 exclude each other; send one of them", pointer=f"{pointer}/data_base64"
        )
    if isinstance(base64.value, str):
        try:
            return BinaryData(b64decode(base64.value, validate=True))
        except ValueError:
            pass
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
