"""Messages from one instance to another: a letter that says what it is, and its body."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eventstore.frames.frame import Delivery, decode_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eventstore.frames.frame import Part

__all__ = ["decode_message", "encode_marker", "encode_parts", "encode_turns", "is_marker"]


def encode_turns(partitions: Iterable[int]) -> bytes:
    """Return the message that requests turns of partitions."""
    return b"t" + json.dumps(sorted(partitions)).encode()


def encode_parts(parts: Sequence[Part]) -> bytes:
    """Return the message that has parts delivered."""
    return b"p" + Delivery(0, tuple(parts)).encoded().encode()


def encode_marker(number: int) -> bytes:
    """Return the message by which an instance finds a place among the messages to itself."""
    return b"m%d" % number


def is_marker(message: bytes) -> bool:
    """Whether a message is a marker."""
    return message[:1] == b"m"


def decode_message(message: bytes) -> tuple[list[int], list[Part]]:
    """Return the partitions of which a message requests turns, and the parts that it has delivered."""
    body = message[1:].decode()
    if message[:1] == b"t":
        return json.loads(body), []
    return [], list(decode_parts(body))
