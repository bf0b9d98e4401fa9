"""CloudEvents as values: published events, and recorded events."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache, partial
from hashlib import blake2b
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple, NewType, cast

from eventstore.cloudevents.digest import content_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = [
    "KEY_BYTES",
    "AttributeValue",
    "BinaryData",
    "Event",
    "EventId",
    "JsonData",
    "RecordedEvent",
    "StreamName",
    "canonical",
    "rfc3339",
]

KEY_BYTES = 16
"""The length of the key of an event (`Event.key`)."""

_encode_attributes = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

AttributeValue = str | int | bool
"""The value of an attribute in the JSON format: Integer and Boolean as such, every other type as a string."""

EventId = NewType("EventId", str)
"""The `id` attribute of an event, unique within its source."""

StreamName = NewType("StreamName", str)
"""The name of a stream; `streams.stream_name` makes one of a text."""


@dataclass(frozen=True, slots=True)
class JsonData:
    """Data as JSON text. The text is never re-encoded, so `1.0`, `1e400` and 20-digit integers are preserved."""

    text: str


@dataclass(frozen=True, slots=True)
class BinaryData:
    """Data that is not a JSON value, as bytes."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """A valid CloudEvent 1.0. Make one with `cloudevents.from_json`, `from_http` or `validated`.

    Attributes:
        attributes: All attributes, `specversion` and extensions included; unset ones are absent, never empty.
        data: The data; None if the event has none.
        body: The event in the CloudEvents JSON format, as it is stored; encoded once.
        key: A digest of `source` and `id`, of 16 bytes. The first 8 depend on `id` alone, so that an event can be
            found by it; within one source, all 16 are as good as a digest of 128 bits.
        digest: The digest of the content (`digest.content_digest`).
    """

    attributes: Mapping[str, AttributeValue]
    data: JsonData | BinaryData | None = None
    body: bytes = field(init=False, repr=False, compare=False)
    key: bytes = field(init=False, repr=False, compare=False)
    digest: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "body", _encode(self.attributes, self.data))
        object.__setattr__(self, "key", event_key(self.source, self.id))
        object.__setattr__(self, "digest", digest_of(self.attributes, self.data))

    @property
    def id(self) -> EventId:
        """The event's id, unique within its source."""
        # Every validated event has an id, which is a string.
        return cast("EventId", self.attributes["id"])

    @property
    def source(self) -> str:
        """The source of the event, a URI reference."""
        return str(self.attributes["source"])

    @property
    def type(self) -> str:
        """The type of the event."""
        return str(self.attributes["type"])


class RecordedEvent(NamedTuple):
    """A stored event with its place.

    A tuple, because tens of thousands are created per second; the body stays encoded until its content is needed.

    Attributes:
        stream: The name of the stream.
        sequence: The sequence of the event in the stream, from 1, without gaps.
        time: When it was stored, in milliseconds since 1970 (UTC).
        body: The published event, in the CloudEvents JSON format.
    """

    stream: StreamName
    sequence: int
    time: int
    body: bytes

    @staticmethod
    def of_stream(
        stream: StreamName, sequences: Iterable[int], times: Iterable[int], bodies: Iterable[bytes]
    ) -> Iterator[RecordedEvent]:
        """Yield events of one stream: the first has the first sequence, time and body, and so on."""
        return map(_as_recorded, zip(repeat(stream), sequences, times, bodies, strict=False))

    def extensions(self) -> dict[str, str]:
        """Return the attributes that the hub adds: `hubstream`, `hubsequence` and `hubtime`."""
        return {"hubstream": self.stream, "hubsequence": str(self.sequence), "hubtime": rfc3339(self.time)}

    def encoded(self) -> bytes:
        """Return the event in the JSON format, with the hub's `extensions`."""
        return self.text_and_size()[0].encode()

    def text_and_size(self) -> tuple[str, int]:
        """Return what `encoded` returns, as text, and its length in bytes."""
        stream, sequence, time, body = self
        # The body is an object with at least four members, so a comma is right. Names of streams need no escapes.
        end = f',"hubstream":"{stream}","hubsequence":"{sequence}","hubtime":"{rfc3339(time)}"}}'
        # The end is ASCII, so the text need not be encoded again to be measured.
        return body.decode()[:-1] + end, len(body) - 1 + len(end)


_as_recorded = cast("Callable[[Iterable[Any]], RecordedEvent]", partial(tuple.__new__, RecordedEvent))
"""In C: a class makes its tuples in Python, which takes longer than all else that reading an event needs."""


def canonical(value: AttributeValue) -> str:
    """Return the canonical string of an attribute's value (CloudEvents 1.0.2, Type System)."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def digest_of(attributes: Mapping[str, AttributeValue], data: JsonData | BinaryData | None) -> bytes:
    """Return the digest of an event's content; see `Event.digest`.

    Args:
        attributes: All attributes of the event.
        data: Its data.
    """
    if data is None:
        return content_digest(attributes, None)
    return content_digest(attributes, data.text if isinstance(data, JsonData) else data.content)


def event_key(source: str, event_id: EventId) -> bytes:
    """Return the key of an event for indexes; see `Event.key`.

    Args:
        source: The `source` attribute.
        event_id: The `id` attribute.
    """
    return id_key(event_id) + blake2b(f"{source}\0{event_id}".encode(), digest_size=8).digest()


def id_key(event_id: EventId) -> bytes:
    """Return the part of `event_key` that depends on `id` alone."""
    return blake2b(event_id.encode(), digest_size=8).digest()


@lru_cache(maxsize=1024)
def rfc3339(milliseconds: int) -> str:
    """Format a time, in milliseconds since 1970, as RFC 3339 in UTC with milliseconds."""
    # Cached: the events of an append have one time.
    seconds, rest = divmod(milliseconds, 1000)
    return f"{_rfc3339_second(seconds)}.{rest:03d}Z"


@lru_cache(maxsize=1024)
def _rfc3339_second(seconds: int) -> str:
    # Cached: events that are read together were often stored in the same second.
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def _encode(attributes: Mapping[str, AttributeValue], data: JsonData | BinaryData | None) -> bytes:
    # Attributes have no lone surrogates, so they are encoded as UTF-8 without escapes.
    head = _encode_attributes(attributes)
    if data is None:
        return head.encode()
    if isinstance(data, JsonData):
        return f'{head[:-1]},"data":{data.text}}}'.encode()
    return b'%b,"data_base64":"%b"}' % (head[:-1].encode(), b64encode(data.content))
