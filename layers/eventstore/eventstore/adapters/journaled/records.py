"""The records of a journal: what changes a log, as bytes that stay readable for as long as the journal is kept.

A record is a head of fixed size, and fields of bytes after it, each with its length in front. What the fields of a kind
are is said by its class in `changes`. One of an unknown kind or version is no error: a later hub may have written it.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from eventstore.adapters.journaled.changes import Change, Erased
from eventstore.adapters.journaled.references import MARK_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Head", "Record", "decoded", "encoded", "field_bounds", "head_of"]

_VERSION = 1
_HEAD = struct.Struct("<BB8sQQ")
_LENGTH = struct.Struct("<I")


_KINDS: Mapping[int, Any] = {change.KIND: change for change in get_args(Change)}


class _Codec(NamedTuple):
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], object]


_TEXT = _Codec(str.encode, bytes.decode)
_REST = "tuple[bytes, ...]"
"""The type of an attribute that has all fields behind the others."""
_CODECS: Mapping[str, _Codec] = {
    **dict.fromkeys(("str", "StreamName", "Epoch", "SubscriptionKey"), _TEXT),
    "bytes": _Codec(bytes, bytes),
    "int": _Codec(b"%d".__mod__, int),
    "bool": _Codec(b"%d".__mod__, b"1".__eq__),
    "LongText": _Codec(lambda text: zlib.compress(text.encode(), 1), lambda packed: zlib.decompress(packed).decode()),
}
"""How the attributes of a change are fields, by their types."""


class Head(NamedTuple):
    """The head of a record; see `Record`. The kind is that of a class of `changes`."""

    version: int
    kind: int
    nonce: bytes
    time: int
    folded: int


@dataclass(frozen=True, slots=True)
class Record:
    """A change with its circumstances.

    Attributes:
        nonce: 8 random bytes, which distinguish the record from any other: one that is in the journal twice is one.
            Empty if the record is not understood, or was erased.
        time: In milliseconds since 1970.
        folded: The position up to which its writer saw the index folded: if a record before that is folded after it was
            read, the index was set back.
        change: What changes; None if this version does not understand it.
    """

    nonce: bytes
    time: int
    folded: int
    change: Change | None

    @property
    def mark(self) -> bytes:
        """What references to the record know of its nonce."""
        return self.nonce[:MARK_BYTES]


def encoded(record: Record) -> bytes:
    """Return a record as bytes."""
    change = record.change
    if change is None:
        raise ValueError("the record is not understood, so it cannot be encoded")
    head = _HEAD.pack(_VERSION, change.KIND, record.nonce, record.time, record.folded)
    return b"".join([head, *(part for field in _fields(change) for part in (_LENGTH.pack(len(field)), field))])


def decoded(content: bytes | None) -> Record:
    """Return the record of some bytes; None if it was erased. That of bytes that are not understood has no change."""
    if content is None:
        return Record(b"", 0, 0, Erased())
    if len(content) < _HEAD.size:
        return Record(b"", 0, 0, None)
    head = Head(*_HEAD.unpack_from(content))
    try:
        values = [content[start:end] for start, end in field_bounds(content)]
        change = _change(head.kind, values) if head.version == _VERSION else None
    except (StopIteration, ValueError, zlib.error):
        change = None
    return Record(head.nonce, head.time, head.folded, change)


def head_of(content: bytes) -> Head | None:
    """Return the head of a record; None if it is not understood."""
    if len(content) < _HEAD.size or content[0] != _VERSION:
        return None
    return Head(*_HEAD.unpack_from(content))


def field_bounds(content: bytes) -> list[tuple[int, int]]:
    """Return where each field of a record begins and ends.

    Raises:
        ValueError: The record is cut off.
    """
    bounds: list[tuple[int, int]] = []
    end, size = _HEAD.size, len(content)
    try:
        while end < size:
            start = end + _LENGTH.size
            end = start + _LENGTH.unpack_from(content, end)[0]
            bounds.append((start, end))
    except struct.error as error:
        raise ValueError("the length of a field is cut off") from error
    if end > size:
        raise ValueError("a field is cut off")
    return bounds


def _fields(change: Change) -> list[bytes]:
    encoded_fields: list[bytes] = []
    for attribute in fields(change):
        value = getattr(change, attribute.name)
        if attribute.type == _REST:
            encoded_fields += value
        else:
            encoded_fields.append(_CODECS[str(attribute.type)].encode(value))
    return encoded_fields


def _change(kind: int, values: Sequence[bytes]) -> Change | None:
    change = _KINDS.get(kind)
    if change is None:
        return None
    decoded_fields: list[object] = []
    rest = iter(values)
    for attribute in fields(change):
        if attribute.type == _REST:
            decoded_fields.append(tuple(rest))
        else:
            decoded_fields.append(_CODECS[str(attribute.type)].decode(next(rest)))
    # A later hub may write more fields.
    decoded_change: Change = change(*decoded_fields)
    return decoded_change
