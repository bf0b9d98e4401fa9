"""The encoding of protobuf, for the events of a frame: objects of the library would take several times as long.

Rules: Protocol Buffers Documentation, "Encoding". Fields that are encoded apart may be concatenated, and a message that
occurs twice is merged.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from eventstore_proto.flunq.eventstore.v1 import events_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["packed_events", "packed_field", "varint"]

_LENGTH_DELIMITED = 2
_SEVEN_BITS = 0x7F


@lru_cache(maxsize=8192)
def varint(number: int) -> bytes:
    """Return a number that is not negative."""
    if number <= _SEVEN_BITS:
        return bytes((number,))
    packed = bytearray()
    while number > _SEVEN_BITS:
        packed.append(number & _SEVEN_BITS | 0x80)
        number >>= 7
    packed.append(number)
    return bytes(packed)


def packed_field(number: int, content: bytes) -> bytes:
    """Return a field that holds text, bytes or a message.

    Args:
        number: The number of the field.
        content: What it holds.
    """
    return _tag(number) + varint(len(content)) + content


def packed_events(texts: Iterable[str]) -> bytes:
    """Return a message `Events` with events in the JSON format."""
    pieces: list[bytes] = []
    for text in texts:
        body = text.encode()
        pieces.append(_head_of_event(len(body)))
        pieces.append(body)
    return b"".join(pieces)


@lru_cache(maxsize=8192)
def _head_of_event(length: int) -> bytes:
    """Return what comes before the JSON text of an event, whose bytes are so many."""
    head = _JSON + varint(length)
    return _EVENT + varint(len(head) + length) + head


def _tag(number: int) -> bytes:
    return varint(number << 3 | _LENGTH_DELIMITED)


_EVENT = _tag(messages.Events.DESCRIPTOR.fields_by_name["events"].number)
_JSON = _tag(events_pb2.Event.DESCRIPTOR.fields_by_name["json"].number)
