"""The protobuf format of CloudEvents 1.0.2. docs/grpc.md lists what it cannot carry."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp

from eventstore.cloudevents import validated
from eventstore.cloudevents.attributes import is_json
from eventstore.cloudevents.event import BinaryData, Event, JsonData
from eventstore.cloudevents.json_text import members, single
from eventstore.errors import InvalidEvent, Malformed
from eventstore_proto.io.cloudevents.v1.cloudevents_pb2 import CloudEvent

if TYPE_CHECKING:
    from eventstore.cloudevents.event import AttributeValue

__all__ = ["from_protobuf", "to_protobuf"]

_REQUIRED = {"id": "id", "source": "source", "specversion": "spec_version", "type": "type"}
_TIMES = frozenset({"time", "hubtime"})
_URIS = frozenset({"dataschema"})
_EXACT = re.compile(r"((?!0000)[^.]{17}[0-5][0-9])(?:\.([0-9]{1,9}))?([Zz]|[+-].*)")
"""A time that a Timestamp holds: no year 0, no leap second, at most nanoseconds."""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - in UTC, without a zone
# Of years 1 and 9999 (google/protobuf/timestamp.proto).
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799

_Value = CloudEvent.CloudEventAttributeValue


def to_protobuf(text: str) -> CloudEvent:
    """Return an event in the protobuf format.

    Args:
        text: The event in the JSON format, as the hub stores or sends it.
    """
    values = members(text)
    data, base64 = values.pop("data", None), values.pop("data_base64", None)
    event = CloudEvent()
    for name, member in values.items():
        if name in _REQUIRED:
            setattr(event, _REQUIRED[name], member.value)
        else:
            # Integers by their text: `members` reads numbers as floats.
            _set(
                event.attributes[name], name, member.value if isinstance(member.value, str) else json.loads(member.text)
            )
    if base64 is not None:
        event.binary_data = b64decode(str(base64.value))
    elif data is not None:
        media_type = values["datacontenttype"].value if "datacontenttype" in values else None
        is_text = isinstance(data.value, str) and media_type is not None and not is_json(str(media_type))
        event.text_data = str(data.value).encode(errors="replace").decode() if is_text else data.text
    return event


def from_protobuf(event: CloudEvent, *, pointer: str) -> Event:
    """Return a valid event from the protobuf format.

    Args:
        event: The event.
        pointer: Where the request has it (RFC 6901), for the error.

    Raises:
        InvalidEvent: The event breaks a rule of CloudEvents, or its data is a protobuf message.
        Malformed: Its data is to be JSON, and is not.
    """
    attributes: dict[str, AttributeValue] = {
        name: value for name, member in _REQUIRED.items() if (value := getattr(event, member))
    }
    for name, value in event.attributes.items():
        if name in _REQUIRED:
            raise InvalidEvent(
                f"{name} has a field of its own; it must not be in attributes", pointer=f"{pointer}/{name}"
            )
        attributes[name] = _get(name, value, pointer)
    return Event(validated(attributes, pointer=pointer), _data(event, attributes.get("datacontenttype"), pointer))


def _set(value: _Value, name: str, content: AttributeValue) -> None:
    if isinstance(content, bool):
        value.ce_boolean = content
    elif isinstance(content, int):
        value.ce_integer = content
    elif name in _TIMES and (time := _timestamp(content)) is not None:
        value.ce_timestamp.CopyFrom(time)
    elif name in _URIS:
        value.ce_uri = content
    else:
        value.ce_string = content


def _get(name: str, value: _Value, pointer: str) -> AttributeValue:
    kind = value.WhichOneof("attr")
    match kind:
        case "ce_boolean":
            return value.ce_boolean
        case "ce_integer":
            return value.ce_integer
        case "ce_bytes":
            return b64encode(value.ce_bytes).decode()
        case "ce_timestamp":
            try:
                return value.ce_timestamp.ToJsonString()
            except ValueError as error:
                raise InvalidEvent(
                    f"{name} must be a timestamp from year 1 to 9999", pointer=f"{pointer}/{name}"
                ) from error
        case None:
            raise InvalidEvent(f"{name[:80]} has no value; set a value, or omit it", pointer=f"{pointer}/{name}")
        case _:
            return str(getattr(value, kind))


def _timestamp(text: str) -> Timestamp | None:
    """Return an RFC 3339 time; None if a Timestamp cannot hold it, as an offset may move it out of years 1 to 9999."""
    match = _EXACT.fullmatch(text)
    if match is None:
        return None
    second, fraction, offset = match.groups()
    seconds = _seconds(second + offset.upper())
    if not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        return None
    return Timestamp(seconds=seconds, nanos=int(fraction.ljust(9, "0")) if fraction else 0)


@lru_cache(maxsize=256)
def _seconds(text: str) -> int:
    # Cached: events that are sent together were often stored in the same second. A difference of times, for an instant
    # may lie before year 1 or after 9999.
    moment = datetime.fromisoformat(text)
    return (moment.replace(tzinfo=None) - _EPOCH - (moment.utcoffset() or timedelta())) // timedelta(seconds=1)


def _data(event: CloudEvent, media_type: AttributeValue | None, pointer: str) -> JsonData | BinaryData | None:
    match event.WhichOneof("data"):
        case "binary_data":
            return BinaryData(event.binary_data)
        case "text_data" if media_type is None or is_json(str(media_type)):
            try:
                single(event.text_data)
            except Malformed as error:
                raise Malformed(f"text_data must be JSON: {error.detail}", pointer=f"{pointer}/text_data") from error
            return JsonData(event.text_data)
        case "text_data":
            return JsonData(json.dumps(event.text_data, ensure_ascii=False))
        case "proto_data":
            raise InvalidEvent(
                "proto_data is not supported; send the message as binary_data, with datacontenttype "
                "application/protobuf",
                pointer=f"{pointer}/proto_data",
            )
        case _:
            return None
