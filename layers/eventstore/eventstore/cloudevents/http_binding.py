"""The HTTP protocol binding: CloudEvents 1.0.2. Binary, structured and batched content modes."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from eventstore.cloudevents.attributes import is_json, validated
from eventstore.cloudevents.event import BinaryData, Event, JsonData, canonical
from eventstore.cloudevents.json_format import attributes_of, batch_from_json, data_of, from_json
from eventstore.cloudevents.json_text import decoded, members, single
from eventstore.errors import InvalidEvent, Malformed, UnsupportedMediaType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.cloudevents.event import AttributeValue

__all__ = ["from_http", "header_decoded", "header_encoded", "text_to_http", "to_http"]

_PREFIX = "ce-"
_CHARSET = re.compile(r';\s*charset="?([^";\s]+)', re.IGNORECASE)
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


def from_http(headers: Mapping[str, str], body: bytes) -> list[Event]:
    """Return the events of a request, in order; a batch may be empty.

    Args:
        headers: The headers, in any letter case.
        body: The body.

    Raises:
        UnsupportedMediaType: The media type is not JSON of CloudEvents, and there are no `ce-` headers.
        Malformed: The body cannot be decoded.
        InvalidEvent: An event breaks a rule of CloudEvents.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    media_type = lower.get("content-type", "").strip()
    essence = media_type.partition(";")[0].strip().lower()
    if essence.startswith("application/cloudevents"):
        if essence not in {"application/cloudevents+json", "application/cloudevents-batch+json"}:
            raise UnsupportedMediaType(
                f"Content-Type {essence!r} is not supported; send application/cloudevents+json, or -batch+json"
            )
        charset = _charset(media_type)
        if charset not in {"utf-8", "utf8", "us-ascii"}:
            raise UnsupportedMediaType(f"charset {charset!r} is not supported; send UTF-8")
        return batch_from_json(body) if "batch" in essence else [from_json(body)]
    if not any(name.startswith(_PREFIX) for name in lower):
        raise UnsupportedMediaType(
            f"{essence or 'a body without Content-Type'!r} is not a CloudEvent; send application/cloudevents+json, "
            "application/cloudevents-batch+json, or the attributes as ce-* headers"
        )
    return [_binary_event(lower, media_type, body)]


def to_http(body: bytes, extra: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a stored event in binary mode.

    Args:
        body: The stored event (`Event.body`).
        extra: Attributes to add, such as those of the hub.
    """
    return _binary_message({**attributes_of(body), **extra}, data_of(body))


def text_to_http(text: str) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of an event in binary mode.

    Args:
        text: A stored event with the hub's extensions, in the JSON format (`RecordedEvent.encoded`).
    """
    values = members(text)
    data, base64 = values.pop("data", None), values.pop("data_base64", None)
    # Integers by their text: `members` reads numbers as floats.
    attributes = {name: json.loads(member.text) for name, member in values.items()}
    content = JsonData(data.text) if data else BinaryData(b64decode(str(base64.value))) if base64 else None
    return _binary_message(attributes, content)


def header_encoded(value: str) -> str:
    """Encode the value of an attribute for a header (3.1.3.2): ASCII without blanks, quotes and percent signs."""
    return "".join(
        character if "!" <= character <= "~" and character not in '"%' else _percent_encode(character)
        for character in value
    )


def header_decoded(value: str) -> str:
    """Decode the value of an attribute from a header (3.1.3.2).

    Raises:
        ValueError: It is not ASCII, a quote or an escape is incomplete, or the escaped bytes are not UTF-8.
    """
    if non_ascii := re.search(r"[^\x00-\x7f]", value):
        raise ValueError(
            f"it contains the character U+{ord(non_ascii.group()):04X}, but headers must be ASCII; percent-encode the "
            "UTF-8 bytes of other characters, such as %C3%A9 for U+00E9"
        )
    text = value.strip(" \t")
    if '"' in _QUOTED.sub("", text):
        raise ValueError("a quoted string is not closed by a quote")
    # Any part may be quoted; quotes are removed before percent-decoding.
    text = _QUOTED.sub(lambda quoted: re.sub(r"\\(.)", r"\1", quoted[1]), text)
    if _PERCENT.search(text):
        raise ValueError("a percent sign must be followed by two hexadecimal digits; write a literal one as %25")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError as error:
        raise ValueError("the percent-encoded bytes are not UTF-8") from error


def _binary_message(
    attributes: dict[str, AttributeValue], data: JsonData | BinaryData | None
) -> tuple[dict[str, str], bytes]:
    media_type = attributes.pop("datacontenttype", None)
    headers = {f"{_PREFIX}{name}": header_encoded(canonical(value)) for name, value in attributes.items()}
    if media_type is not None:
        headers["content-type"] = str(media_type)
    return headers, _encode_data(data, None if media_type is None else str(media_type))


def _binary_event(headers: Mapping[str, str], media_type: str, body: bytes) -> Event:
    attributes: dict[str, str | int | bool] = {}
    for header, value in headers.items():
        if not header.startswith(_PREFIX):
            continue
        name = header[len(_PREFIX) :]
        if name == "datacontenttype":
            raise InvalidEvent("send Content-Type, not ce-datacontenttype (HTTP binding, 3.1.1)", pointer=f"/{name}")
        try:
            attributes[name] = header_decoded(value)
        except ValueError as error:
            raise InvalidEvent(f"the header {header} cannot be decoded: {error}", pointer=f"/{name}") from error
    if media_type:
        attributes["datacontenttype"] = media_type
    return Event(validated(attributes), _decode_data(body, media_type))


def _decode_data(body: bytes, media_type: str) -> JsonData | BinaryData | None:
    """Return data such that the JSON format preserves it: JSON and text as JSON values, all else as bytes."""
    if not body:
        return None
    if _charset(media_type) not in {"utf-8", "utf8", "us-ascii"}:
        return BinaryData(body)
    if is_json(media_type):
        try:
            text = decoded(body)
            single(text)
        except Malformed as error:
            raise Malformed(f"Content-Type says JSON, but the data is {error.detail}") from error
        return JsonData(text)
    if media_type.lower().startswith("text/"):
        try:
            return JsonData(json.dumps(body.decode(), ensure_ascii=False))
        except UnicodeDecodeError:
            return BinaryData(body)
    return BinaryData(body)


def _encode_data(data: JsonData | BinaryData | None, media_type: str | None) -> bytes:
    if data is None:
        return b""
    if isinstance(data, BinaryData):
        return data.content
    if media_type is not None and not is_json(media_type) and data.text.startswith('"'):
        return str(json.loads(data.text)).encode(errors="replace")
    return data.text.encode()


def _charset(media_type: str) -> str:
    match = _CHARSET.search(media_type)
    return match[1].lower() if match else "utf-8"


def _percent_encode(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())
