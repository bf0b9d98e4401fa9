"""Events on their way to the hub and back. JSON text is never decoded and encoded again, so numbers stay exact."""

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

__all__ = ["Publishable", "Recorded", "Stored", "encoded"]

Publishable: TypeAlias = "BaseCloudEvent | Mapping[str, Any] | str | bytes"
"""A `CloudEvent` of the `cloudevents` library, an event in the JSON format as a mapping, or as its JSON text.
Only the text carries every JSON number: `1e400` and `1.0` against `1` do not survive Python's own types."""

_FORMAT = JSONFormat()


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a published event stands; `duplicate` if it stood there before."""

    stream: str
    sequence: int
    id: str
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as the hub recorded it.

    Attributes:
        stream: The stream it was read from.
        sequence: Its place there, from 1, without gaps.
        attributes: All of them, the hub's own (`hubstream`, `hubsequence`, `hubtime`) included.
        text: The whole event in the CloudEvents JSON format, to the letter as the hub sent it.
    """

    stream: str
    sequence: int
    attributes: Mapping[str, str | int | bool]
    text: str

    @classmethod
    def from_text(cls, text: str) -> Recorded:
        """The event that the hub wrote so.

        Raises:
            KeyError, ValueError, Malformed: The hub never writes it so.
        """
        attributes = {
            name: member.value if isinstance(member.value, str | bool) else int(member.text)
            for name, member in members(text).items()
            if name not in {"data", "data_base64"}
        }
        return cls(str(attributes["hubstream"]), int(attributes["hubsequence"]), attributes, text)

    @property
    def id(self) -> str:
        """The event's id, unique within its source."""
        return str(self.attributes["id"])

    @property
    def type(self) -> str:
        """What happened."""
        return str(self.attributes["type"])

    @property
    def time(self) -> str | None:
        """When it happened, as its producer wrote it (RFC 3339, of any precision)."""
        time = self.attributes.get("time")
        return None if time is None else str(time)

    @property
    def data(self) -> Any:  # noqa: ANN401 - data is any JSON value
        """The data in Python's types: bytes if they came as `data_base64`, None if there are none.

        Python's floats round; `data_text` does not.
        """
        found = members(self.text)
        if "data_base64" in found:
            return b64decode(str(found["data_base64"].value))
        return json.loads(found["data"].text) if "data" in found else None

    @property
    def data_text(self) -> str | None:
        """The JSON text of `data` as it was published; None if the event has no JSON data."""
        found = members(self.text).get("data")
        return None if found is None else found.text

    def cloudevent(self) -> CloudEvent:
        """The event as a `CloudEvent` of the `cloudevents` library.

        Its `time` is a datetime, hence of microseconds at best, and its numbers are Python's.
        """
        event = _FORMAT.read(CloudEvent, self.text)
        if not isinstance(event, CloudEvent):  # pragma: no cover - the factory above makes no other
            raise TypeError(f"cloudevents made {type(event).__name__}")
        return event


def _refused(value: object) -> NoReturn:
    raise TypeError(
        f"the event holds a {type(value).__name__}, which JSON does not have; give bytes as data_base64, in Base64, "
        "and a time as text (isoformat)"
    )


def encoded(event: Publishable) -> str:
    """The event in the CloudEvents JSON format; text goes as it is, and is not looked into.

    Raises:
        TypeError: It is nothing that can be published.
        ValueError: It holds a value that JSON does not have.
    """
    if isinstance(event, str):
        return event
    if isinstance(event, bytes):
        return event.decode()
    if isinstance(event, Mapping):
        return json.dumps(event, allow_nan=False, separators=(",", ":"), default=_refused)
    if hasattr(event, "get_attributes") and hasattr(event, "get_data"):
        return _FORMAT.write(event).decode()
    raise TypeError(
        f"a {type(event).__name__} is no event; give a cloudevents.core CloudEvent, a mapping in the JSON format, "
        "or its JSON text"
    )
