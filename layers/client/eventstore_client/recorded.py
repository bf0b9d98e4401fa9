"""Events as the hub recorded them, and the messages and pages that contain them.

Their text is passed on as it is, so that numbers stay exact. It is decoded once, by the scanner of the standard
library: a subscriber spends most of its time here (decision 077).
"""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any, NoReturn, Self

from eventstore.cloudevents.json_text import elements, members

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudevents.core.v1.event import CloudEvent

__all__ = ["Recorded", "message_with_events"]

_DATA = frozenset({"data", "data_base64"})


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


_scan = vars(json.JSONDecoder(parse_constant=_no_constant))["scan_once"]
"""Decodes the value at an offset of a text, and returns it with the offset behind it. StopIteration: there is none."""


class Recorded:
    """An event as the hub recorded it. It is immutable.

    Attributes:
        text: The event in the CloudEvents JSON format, byte for byte as the hub sent it.
    """

    __slots__ = ("_members", "text")
    __match_args__ = ("stream", "sequence", "attributes", "text")

    text: str
    _members: Mapping[str, Any]

    @classmethod
    def from_text(cls, text: str) -> Recorded:
        """Parse an event that the hub sent.

        Raises:
            KeyError, ValueError, Malformed: The text is not an event as a hub records it.
        """
        try:
            value, end = _scan(text, 0)
        except (StopIteration, ValueError, RecursionError):
            value, end = None, 0
        if type(value) is dict and end == len(text):
            return _recorded(text, value)
        return _recorded(text, _exact_members(text))

    @property
    def stream(self) -> str:
        """The name of its stream."""
        return str(self._members["hubstream"])

    @property
    def sequence(self) -> int:
        """Its sequence in the stream, from 1, without gaps."""
        return int(self._members["hubsequence"])

    @property
    def attributes(self) -> Mapping[str, str | int | bool]:
        """All attributes, including the hub's own (`hubstream`, `hubsequence`, `hubtime`)."""
        return {name: value for name, value in self._members.items() if name not in _DATA}

    @property
    def id(self) -> str:
        """The event's id, which is unique within its source."""
        return str(self._members["id"])

    @property
    def type(self) -> str:
        """The event's type, such as `order.placed`."""
        return str(self._members["type"])

    @property
    def source(self) -> str:
        """The context in which the event happened."""
        return str(self._members["source"])

    @property
    def subject(self) -> str | None:
        """The subject of the event; None if it has none."""
        subject = self._members.get("subject")
        return None if subject is None else str(subject)

    @property
    def time(self) -> str | None:
        """The time of the event as its producer wrote it (RFC 3339, any precision); None if it has none."""
        time = self._members.get("time")
        return None if time is None else str(time)

    @property
    def is_reference(self) -> bool:
        """Whether it has no data, and says where they are (`dataref`)."""
        return "dataref" in self._members and self._members.keys().isdisjoint(_DATA)

    @property
    def data(self) -> Any:  # noqa: ANN401 - data is any JSON value
        """The data as Python objects: bytes for `data_base64`, None if the event has no data.

        Every call returns the same objects. Python's floats round; `data_text` is exact.
        """
        if "data_base64" in self._members:
            return b64decode(str(self._members["data_base64"]))
        data = self._members.get("data")
        return json.loads(data) if isinstance(data, _Undecoded) else data

    @property
    def data_text(self) -> str | None:
        """The JSON text of `data` as published; None if the event has no JSON data."""
        data = members(self.text).get("data")
        return None if data is None else data.text

    def cloudevent(self) -> CloudEvent:
        """Return the event as a `CloudEvent` of the `cloudevents` library.

        Its `time` is a datetime with a precision of microseconds, and its numbers are Python's.
        """
        from cloudevents.core.formats.json import JSONFormat  # noqa: PLC0415 - few programs need it
        from cloudevents.core.v1.event import CloudEvent  # noqa: PLC0415

        event = JSONFormat().read(CloudEvent, self.text)
        if not isinstance(event, CloudEvent):  # pragma: no cover - the format creates no other type
            raise TypeError(f"cloudevents returned {type(event).__name__}")
        return event

    def __setattr__(self, name: str, _: object) -> NoReturn:
        raise AttributeError(f"an event is immutable: {name!r} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"an event is immutable: {name!r} cannot be deleted")

    def __reduce__(self) -> tuple[object, ...]:
        return Recorded.from_text, (self.text,)

    def __copy__(self) -> Self:
        return self

    def __eq__(self, other: object) -> bool:
        return self.text == other.text if isinstance(other, Recorded) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Recorded(stream={self.stream!r}, sequence={self.sequence}, text={self.text!r})"


class _Undecoded(str):
    """The text of data that Python cannot decode, such as an integer of more than 4,300 digits."""

    __slots__ = ()


_create = Recorded.__new__
# The descriptors set what `__setattr__` refuses, at a fourth of the time of `object.__setattr__`.
_set_text, _set_members = (vars(Recorded)[name].__set__ for name in ("text", "_members"))


def _recorded(text: str, event: Mapping[str, Any]) -> Recorded:
    sequence = event["hubsequence"]
    if type(sequence) is not str or not sequence.isdecimal() or "hubstream" not in event:
        raise ValueError("the hub records no event without a stream and a sequence")
    recorded = _create(Recorded)
    _set_text(recorded, text)
    _set_members(recorded, event)
    return recorded


def _exact_members(text: str) -> Mapping[str, Any]:
    """Return the members of an event whose data Python may be unable to decode."""
    return {
        name: _Undecoded(member.text)
        if name == "data"
        else member.value
        if isinstance(member.value, str | bool)
        else int(member.text)
        for name, member in members(text).items()
    }


def message_with_events(text: str) -> tuple[dict[str, Any], tuple[Recorded, ...] | None]:
    """Return the members of a message or page of the hub without its `events`, and these; None if it has none.

    Raises:
        KeyError, ValueError, Malformed: The text is not a JSON object, or its events are not as a hub records them.
    """
    try:
        return _scanned(text)
    except (StopIteration, IndexError, KeyError, TypeError, ValueError, RecursionError):
        # It has white space, data that Python cannot decode, or a fault that is then named.
        parts = members(text)
    found = {name: json.loads(part.text) for name, part in parts.items() if name != "events"}
    return found, tuple(map(Recorded.from_text, elements(parts["events"].text))) if "events" in parts else None


def _scanned(text: str) -> tuple[dict[str, Any], tuple[Recorded, ...] | None]:
    """As `message_with_events`, of a text without white space between its members and between its events."""
    found: dict[str, Any] = {}
    events: list[Recorded] | None = None
    if text[0] != "{":
        raise ValueError
    at, last = 0, len(text) - 1
    while at != last:
        name, at = _scan(text, at + 1)
        if type(name) is not str or text[at] != ":":
            raise ValueError
        if name != "events":
            found[name], at = _scan(text, at + 1)
        elif text[at + 1] == "[" and events is None:
            events, at = _scanned_events(text, at + 2)
        else:
            raise ValueError
        if text[at] != ("}" if at == last else ","):
            raise ValueError
    return found, None if events is None else tuple(events)


def _scanned_events(text: str, at: int) -> tuple[list[Recorded], int]:
    """Return the events of an array, and the offset behind it.

    Args:
        text: The message.
        at: The offset behind the opening bracket.
    """
    events: list[Recorded] = []
    if text[at] == "]":
        return events, at + 1
    while True:
        event, end = _scan(text, at)
        events.append(_recorded(text[at:end], event))
        if text[end] == "]":
            return events, end + 1
        if text[end] != ",":
            raise ValueError
        at = end + 1
