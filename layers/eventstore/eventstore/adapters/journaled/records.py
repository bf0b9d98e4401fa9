"""The records of a journal: what changes a log, as bytes that stay readable for as long as the journal is kept.

A record is a head of fixed size, and fields of bytes after it, each with its length in front. What the fields of a kind
are is said by the class of that name. One of an unknown kind or version is no error: a later hub may have written it.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, fields
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, NewType, get_args

from eventstore.adapters.journaled.references import REFERENCE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.positions import Epoch
    from eventstore.streams import StreamName
    from eventstore.subscriptions import SubscriptionKey

__all__ = [
    "ADOPTED",
    "Append",
    "Change",
    "Checkpoint",
    "Configure",
    "Create",
    "Define",
    "Delete",
    "EndGroup",
    "Erased",
    "LongText",
    "Open",
    "Record",
    "StartGroup",
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


LongText = NewType("LongText", str)
"""A text that is compressed in the record."""


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


@dataclass(frozen=True, slots=True)
class Define:
    """A definition, which belongs to the first partition; see lua/journal/define.lua.

    Attributes:
        kind: What is defined: `durable` or `filter`.
        name: Its name.
        old: The definition that is replaced; empty if there must be none.
        new: The definition; empty deletes it.
        reference: What is stored beside it; empty for nothing.
    """

    KIND: ClassVar = 7
    kind: str
    name: str
    old: str
    new: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class StartGroup:
    """The group of a durable subscription in the partition, as `GroupSteps.start` takes it."""

    KIND: ClassVar = 8
    key: SubscriptionKey
    definition: str
    state: LongText


@dataclass(frozen=True, slots=True)
class EndGroup:
    """The end of a group."""

    KIND: ClassVar = 9
    key: SubscriptionKey


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a group and its definition, as a turn has left them. The newest counts; those before are erased.

    Attributes:
        token: The fencing token of the turn.
    """

    KIND: ClassVar = 10
    key: SubscriptionKey
    token: int
    definition: str
    state: LongText


@dataclass(frozen=True, slots=True)
class Erased:
    """Nothing: the content of the record was removed, because another one replaced it."""

    KIND: ClassVar = 0


Change = Append | Create | Configure | Delete | Trim | Open | Define | StartGroup | EndGroup | Checkpoint | Erased


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


@dataclass(frozen=True, slots=True)
class Record:
    """A change with its circumstances.

    Attributes:
        nonce: 8 random bytes, which tell the record from any other: one that is in the journal twice is one. Empty if
            the record is not understood, or was erased.
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
    """Return the record of some bytes; None if it was erased. That of bytes that are not understood has no change."""
    if content is None:
        return Record(b"", 0, 0, Erased())
    try:
        version, kind, nonce, time, folded = _HEAD.unpack_from(content)
    except struct.error:
        return Record(b"", 0, 0, None)
    try:
        change = _change(kind, _split(content)) if version == _VERSION else None
    except (StopIteration, ValueError, struct.error, zlib.error):
        change = None
    return Record(nonce, time, folded, change)


def bodies_of(append: Append) -> list[bytes]:
    """Return the bodies of an append; of an event that is stored already, the reference to its body."""
    sizes = [REFERENCE_BYTES if size == ADOPTED else size for size in sizes_of(append)]
    return [append.bodies[start:end] for start, end in pairwise(accumulate(sizes, initial=0))]


def sizes_of(append: Append) -> Sequence[int]:
    """Return the size of each body of an append, or `ADOPTED`."""
    return struct.unpack(f"<{len(append.sizes) // 4}I", append.sizes)


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


def _split(content: bytes) -> list[bytes]:
    found = []
    offset = _HEAD.size
    while offset < len(content):
        (length,) = _LENGTH.unpack_from(content, offset)
        offset += _LENGTH.size
        if offset + length > len(content):
            raise ValueError("a field is cut off")
        found.append(content[offset : offset + length])
        offset += length
    return found
