"""Events as published and as recorded. JSON text is never decoded and encoded again, so that numbers stay exact."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from eventstore.cloudevents.json_text import members

if TYPE_CHECKING:
    from cloudevents.core.base import BaseCloudEvent

__all__ = ["Publishable", "Recorded", "Stored", "encode_event"]

Publishable: TypeAlias = "BaseCloudEvent | Mapping[str, Any] | str | bytes"
"""A `CloudEvent` of the `cloudevents` library, an event in the JSON format as a mapping, or its JSON text.
Only the text preserves every JSON number: Python's types lose `1e400`, and `1.0` against `1`."""

_FORMAT = JSONFormat()


@dataclass(frozen=True, slots=True)
class Stored:
    """The position of a published event.

    Attributes:
        stream: The name of its stream.
        sequence: Its sequence in the stream, from 1.
        id: Its CloudEvents id.
        duplicate: Whether it was stored before.
    """

    stream: str
    sequence: int
    id: str
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as the hub recorded it.

    Attributes:
        stream: The name of its stream.
        sequence: Its sequence in the stream, from 1, without gaps.
        attributes: All attributes, including the hub's own (`hubstream`, `hubsequence`, `hubtime`).
        text: The event in the CloudEvents JSON format, byte for byte as the hub sent it.
    """

    stream: str
    sequence: int
    attributes: Mapping[str, str | int | bool]
    text: str

    @classmethod
    def from_text(cls, text: str) -> Recorded:
        """Parse an event that the hub sent.

        Raises:
            KeyError, ValueError, Malformed: The text is not an event as a hub records it.
        """
        attributes = {
            name: member.value if isinstance(member.value, str | bool) else int(member.text)
            for name, member in members(text).items()
            if name not in {"data", "data_base64"}
        }
        return cls(str(attributes["hubstream"]), int(attributes["hubsequence"]), attributes, text)

    @property
    def id(self) -> str:
        """The event's id, which is unique within its source."""
        return str(self.attributes["id"])

    @property
    def type(self) -> str:
        """The event's type, such as `order.placed`."""
        return str(self.attributes["type"])

    @property
    def time(self) -> str | None:
        """The time of the event as its producer wrote it (RFC 3339, any precision); None if it has none."""
        time = self.attributes.get("time")
        return None if time is None else str(time)

    @property
    def data(self) -> Any:  # noqa: ANN401 - data is any JSON value
        """The data as Python objects: bytes for `data_base64`, None if the event has no data.

        Python's floats round; `data_text` is exact.
        """
        event = members(self.text)
        if "data_base64" in event:
            return b64decode(str(event["data_base64"].value))
        return json.loads(event["data"].text) if "data" in event else None

    @property
    def data_text(self) -> str | None:
        """The JSON text of `data` as published; None if the event has no JSON data."""
        data = members(self.text).get("data")
        return None if data is None else data.text

    def cloudevent(self) -> CloudEvent:
        """Return the event as a `CloudEvent` of the `cloudevents` library.

        Its `time` is a datetime with a precision of microseconds, and its numbers are Python's.
        """
        event = _FORMAT.read(CloudEvent, self.text)
        if not isinstance(event, CloudEvent):  # pragma: no cover - the format creates no other type
            raise TypeError(f"cloudevents returned {type(event).__name__}")
        return event


def _reject(value: object) -> NoReturn:
    raise TypeError(
        f"the event contains a {type(value).__name__}, which JSON cannot represent; pass bytes as data_base64 in "
        "Base64, and a time as text (isoformat)"
    )


def encode_event(event: Publishable) -> str:
    """Return the event in the CloudEvents JSON format. Text is returned as it is, without validation.

    Raises:
        TypeError: The object is not an event, or contains a value that JSON cannot represent.
        ValueError: It contains a number that JSON cannot represent.
    """
    if isinstance(event, str):
        return event
    if isinstance(event, bytes):
        return event.decode()
    if isinstance(event, Mapping):
        return json.dumps(event, allow_nan=False, separators=(",", ":"), default=_reject)
    if hasattr(event, "get_attributes") and hasattr(event, "get_data"):
        return _FORMAT.write(event).decode()
    raise TypeError(
        f"a {type(event).__name__} is not an event; pass a cloudevents.core CloudEvent, a mapping in the JSON format, "
        "or JSON text"
    )
