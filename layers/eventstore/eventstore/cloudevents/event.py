"""CloudEvents as values: what a producer published, and what the hub recorded of it."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AttributeValue", "BinaryData", "Event", "JsonData", "RecordedEvent", "canonical", "rfc3339"]

AttributeValue = str | int | bool
"""How an attribute stands in the JSON format: Integer and Boolean as such, every other type as its string."""


@dataclass(frozen=True, slots=True)
class JsonData:
    """Data as JSON text, kept to the letter, so that `1.0`, `1e400` and 20-digit integers stay what they are."""

    text: str


@dataclass(frozen=True, slots=True)
class BinaryData:
    """Data that is no JSON value: bytes, kept as they came."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """A valid CloudEvent 1.0. Make one with `cloudevents.from_json`, `from_http` or `validated`.

    Attributes:
        attributes: All of them, `specversion` and extensions included; unset ones are absent, never empty.
        data: None if the event has none.
        body: The event in the CloudEvents JSON format, encoded once; it is what the store keeps.
        key: 16 bytes that stand for `source` and `id`. The first 8 depend on `id` alone, so that an event can be
            found by it; the whole is as good as 128 bits within one source.
    """

    attributes: Mapping[str, AttributeValue]
    data: JsonData | BinaryData | None = None
    body: bytes = field(init=False, repr=False, compare=False)
    key: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "body", _encode(self.attributes, self.data))
        object.__setattr__(self, "key", event_key(self.source, self.id))

    @property
    def id(self) -> str:
        """The event's id, unique within its source."""
        return str(self.attributes["id"])

    @property
    def source(self) -> str:
        """Where the event comes from, a URI reference."""
        return str(self.attributes["source"])

    @property
    def type(self) -> str:
        """What happened."""
        return str(self.attributes["type"])


class RecordedEvent(NamedTuple):
    """An event as the store keeps it, at its place.

    A tuple, for tens of thousands are made a second; the body stays encoded until somebody asks what is in it.

    Attributes:
        stream: The stream's name.
        sequence: Its place in the stream, from 1, without gaps.
        time: When it was stored, in milliseconds since 1970 (UTC).
        body: The event as published, in the CloudEvents JSON format.
    """

    stream: str
    sequence: int
    time: int
    body: bytes

    def extensions(self) -> dict[str, str]:
        """What the hub adds to the event: `hubstream`, `hubsequence` and `hubtime`."""
        return {"hubstream": self.stream, "hubsequence": str(self.sequence), "hubtime": rfc3339(self.time)}

    def encoded(self) -> bytes:
        """The event in the JSON format, with the hub's `extensions`."""
        # The body is an object with at least four members, so a comma is always due. A stream's name needs no escapes.
        return b'%b,"hubstream":"%b","hubsequence":"%d","hubtime":"%b"}' % (
            self.body[:-1],
            self.stream.encode(),
            self.sequence,
            rfc3339(self.time).encode(),
        )


def canonical(value: AttributeValue) -> str:
    """An attribute's value as a string (CloudEvents 1.0.2, Type System: each type has a canonical one)."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def event_key(source: str, event_id: str) -> bytes:
    """Stands for `source` and `id` in indexes; see `Event.key`."""
    return id_key(event_id) + blake2b(f"{source}\0{event_id}".encode(), digest_size=8).digest()


def id_key(event_id: str) -> bytes:
    """The part of `event_key` that depends on `id` alone."""
    return blake2b(event_id.encode(), digest_size=8).digest()


def rfc3339(milliseconds: int) -> str:
    """The instant as RFC 3339 in UTC, to the millisecond."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{_rfc3339_second(seconds)}.{rest:03d}Z"


@lru_cache(maxsize=1024)
def _rfc3339_second(seconds: int) -> str:
    # Events that are read together were often stored together, and formatting is what costs.
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def _encode(attributes: Mapping[str, AttributeValue], data: JsonData | BinaryData | None) -> bytes:
    # ASCII with escapes where a lone surrogate could hide in data; attributes hold none, and stand as UTF-8.
    head = json.dumps(attributes, separators=(",", ":"), ensure_ascii=False)
    if data is None:
        return head.encode()
    if isinstance(data, JsonData):
        return f'{head[:-1]},"data":{data.text}}}'.encode()
    return b'%b,"data_base64":"%b"}' % (head[:-1].encode(), b64encode(data.content))
