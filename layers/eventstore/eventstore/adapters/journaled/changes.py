"""What the records of a journal say: the changes of a log, of definitions and of groups."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, ClassVar, NewType

from eventstore.adapters.journaled.references import REFERENCE_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.positions import Epoch
    from eventstore.streams import StreamName
    from eventstore.subscriptions import SubscriptionKey

__all__ = [
    "ADOPTED",
    "Append",
    "Change",
    "Checkpoint",
    "Configure",
    "CopyAppends",
    "CopyPartition",
    "CopyStream",
    "Create",
    "Define",
    "Delete",
    "EndGroup",
    "Erased",
    "LongText",
    "Open",
    "StartGroup",
    "Trim",
    "bodies_of",
    "sizes_of",
]

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
        kind: What is defined: `durable`, `filter` or `schema`.
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
class CopyAppends:
    """Appends of another store, at the places that they have there; see lua/copy/append.lua.

    Attributes:
        sizes: As of `Append`, of all appends.
        bodies: All bodies of all appends, one after the other.
        appends: Of each append, several fields (`copied`).
    """

    KIND: ClassVar = 11
    sizes: bytes
    bodies: bytes
    appends: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class CopyStream:
    """What a stream has in another store.

    Attributes:
        arguments: Those of lua/copy/stream.lua.
    """

    KIND: ClassVar = 12
    stream: StreamName
    arguments: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class CopyPartition:
    """What a partition has in another store.

    Attributes:
        arguments: Those of lua/copy/partition.lua.
    """

    KIND: ClassVar = 13
    arguments: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Erased:
    """Nothing: the content of the record was removed, because another one replaced it."""

    KIND: ClassVar = 0


Change = (
    Append
    | Create
    | Configure
    | Delete
    | Trim
    | Open
    | Define
    | StartGroup
    | EndGroup
    | Checkpoint
    | CopyAppends
    | CopyStream
    | CopyPartition
    | Erased
)


def bodies_of(append: Append | CopyAppends) -> list[bytes]:
    """Return the bodies of an append; of an event that is stored already, the reference to its body."""
    sizes = [REFERENCE_BYTES if size == ADOPTED else size for size in sizes_of(append)]
    return [append.bodies[start:end] for start, end in pairwise(accumulate(sizes, initial=0))]


def sizes_of(append: Append | CopyAppends) -> Sequence[int]:
    """Return the size of each body of an append, or `ADOPTED`."""
    return struct.unpack(f"<{len(append.sizes) // 4}I", append.sizes)
