"""The records of a journal: what changes a log, as bytes that stay readable for as long as the journal is kept.

A record is a head of fixed size, and fields of bytes after it, each with its length in front. What the fields of a kind
are is said by the class of that name. One of an unknown kind or version is no error: a later hub may have written it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, ClassVar

from eventstore.adapters.journaled.references import REFERENCE_BYTES
from eventstore.positions import Epoch
from eventstore.streams import StreamName

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ADOPTED",
    "Append",
    "Change",
    "Configure",
    "Create",
    "Delete",
    "Open",
    "Record",
    "Trim",
    "bodies_of",
    "decoded",
    "encoded",
    "sizes_of",
]

_VERSION = 1
_HEAD = struct.Struct("<BB8sQQ")
"""Version, kind, nonce, time, folded."""
_LENGTH = struct.Struct("<I")

ADOPTED = 0xFFFFFFFF
"""In the place of the size of a body: what follows is a reference to a body that is stored already."""


@dataclass(frozen=True, slots=True)
class Append:
    """Events of a stream, as `Steps.append` takes them.

    Attributes:
        sizes: The size of each body, or `ADOPTED`; 4 bytes each, the least significant first.
        bodies: All bodies, one after the other.
    """

    KIND: ClassVar = 1
    stream: StreamName
    expected: str
    names: bytes
    sizes: bytes
    bodies: bytes


@dataclass(frozen=True, slots=True)
class Create:
    """A stream, as `Steps.create` takes it."""

    KIND: ClassVar = 2
    stream: StreamName
    limits: str
    labels: str


@dataclass(frozen=True, slots=True)
class Configure:
    """Settings of a stream, as `Steps.configure` takes them."""

    KIND: ClassVar = 3
    stream: StreamName
    changes: int
    version: str
    limits: str
    labels: str


@dataclass(frozen=True, slots=True)
class Delete:
    """A deletion, as `Steps.delete` takes it.

    Attributes:
        last: The last sequence to delete. A record that comes late, or again, must not delete what was stored since.
    """

    KIND: ClassVar = 4
    stream: StreamName
    permanently: bool
    conditions: str
    last: int


@dataclass(frozen=True, slots=True)
class Trim:
    """Events that are removed, whatever the rule was.

    Attributes:
        events: Of each event `<sequence>-<time>`, its key, and the size of its body, as log/trim.lua takes them.
    """

    KIND: ClassVar = 5
    stream: StreamName
    events: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Open:
    """A partition's epoch, and the numbers of its store.

    Attributes:
        renews: Whether the epoch replaces another one.
    """

    KIND: ClassVar = 6
    epoch: Epoch
    partitions: int
    shards: int
    renews: bool = False


Change = Append | Create | Configure | Delete | Trim | Open


@dataclass(frozen=True, slots=True)
class Record:
    """A change with its circumstances.

    Attributes:
        nonce: 8 random bytes, which tell the record from any other: one that is in the journal twice is one.
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
        return self.nonce[:4]


def encoded(record: Record) -> bytes:
    """Return a record as bytes."""
    change = record.change
    if change is None:
        raise ValueError("the record is not understood, so it cannot be encoded")
    head = _HEAD.pack(_VERSION, change.KIND, record.nonce, record.time, record.folded)
    return b"".join([head, *(part for field in _fields(change) for part in (_LENGTH.pack(len(field)), field))])


def decoded(content: bytes | None) -> Record:
    """Return the record of some bytes; that of a record that was erased, or is not understood, has no change."""
    try:
        version, kind, nonce, time, folded = _HEAD.unpack_from(content or b"")
    except struct.error:
        return Record(b"\0" * 8, 0, 0, None)
    try:
        change = _change(kind, _split(content or b"")) if version == _VERSION else None
    except (ValueError, struct.error, UnicodeDecodeError):
        change = None
    return Record(nonce, time, folded, change)


def bodies_of(append: Append) -> list[bytes]:
    """Return the bodies of an append; of an event that is stored already, the reference to its body."""
    sizes = [REFERENCE_BYTES if size == ADOPTED else size for size in sizes_of(append)]
    return [append.bodies[start:end] for start, end in pairwise(accumulate(sizes, initial=0))]


def sizes_of(append: Append) -> Sequence[int]:
    """Return the size of each body of an append, or `ADOPTED`."""
    return struct.unpack(f"<{len(append.sizes) // 4}I", append.sizes)


def _fields(change: Change) -> Sequence[bytes]:
    match change:
        case Append(stream, expected, names, sizes, bodies):
            return stream.encode(), expected.encode(), names, sizes, bodies
        case Create(stream, limits, labels):
            return stream.encode(), limits.encode(), labels.encode()
        case Configure(stream, changes, version, limits, labels):
            return stream.encode(), b"%d" % changes, version.encode(), limits.encode(), labels.encode()
        case Delete(stream, permanently, conditions, last):
            return stream.encode(), b"%d" % permanently, conditions.encode(), b"%d" % last
        case Trim(stream, events):
            return stream.encode(), *events
        case Open(epoch, partitions, shards, renews):
            return epoch.encode(), b"%d" % partitions, b"%d" % shards, b"%d" % renews


def _change(kind: int, fields: Sequence[bytes]) -> Change | None:  # noqa: PLR0911 - one for each kind
    first = fields[0].decode() if fields else ""
    match kind, fields:
        case Append.KIND, [_, expected, names, sizes, bodies]:
            return Append(StreamName(first), expected.decode(), names, sizes, bodies)
        case Create.KIND, [_, limits, labels]:
            return Create(StreamName(first), limits.decode(), labels.decode())
        case Configure.KIND, [_, changes, version, limits, labels]:
            return Configure(StreamName(first), int(changes), version.decode(), limits.decode(), labels.decode())
        case Delete.KIND, [_, permanently, conditions, last]:
            return Delete(StreamName(first), permanently == b"1", conditions.decode(), int(last))
        case Trim.KIND, [_, *events]:
            return Trim(StreamName(first), tuple(events))
        case Open.KIND, [_, partitions, shards, renews]:
            return Open(Epoch(first), int(partitions), int(shards), renews == b"1")
    return None


def _split(content: bytes) -> list[bytes]:
    fields = []
    offset = _HEAD.size
    while offset < len(content):
        (length,) = _LENGTH.unpack_from(content, offset)
        offset += _LENGTH.size
        if offset + length > len(content):
            raise ValueError("a field is cut off")
        fields.append(content[offset : offset + length])
        offset += length
    return fields
