"""Appends of another store, as a change in a journal."""

from __future__ import annotations

import struct
from itertools import islice
from typing import TYPE_CHECKING

from eventstore.adapters.journaled.changes import CopyAppends, bodies_of
from eventstore.ports.copied_values import CopiedAppend
from eventstore.positions import Position
from eventstore.streams import StreamName

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["copied_appends", "copy_of"]

_FIELDS = 4
"""Position, sequences and number of bodies; stream; keys; digests."""
_DIGESTS = struct.Struct("<QI")
"""Number and length of a chunk of digests."""


def copy_of(appends: Sequence[CopiedAppend]) -> CopyAppends:
    """Return appends as a change."""
    fields: list[bytes] = []
    for position, stream, base, first, keys, digests, bodies in appends:
        numbers = " ".join(map(str, (*position, base, first, len(bodies))))
        chunks = b"".join([_DIGESTS.pack(number, len(chunk)) + chunk for number, chunk in digests.items()])
        fields += (numbers.encode(), stream.encode(), keys, chunks)
    joined = [body for append in appends for body in append.bodies]
    return CopyAppends(struct.pack(f"<{len(joined)}I", *map(len, joined)), b"".join(joined), tuple(fields))


def copied_appends(change: CopyAppends) -> list[CopiedAppend]:
    """Return the appends of a change."""
    bodies = iter(bodies_of(change))
    return [_append(fields, bodies) for fields in zip(*[iter(change.appends)] * _FIELDS, strict=True)]


def _append(fields: Sequence[bytes], bodies: Iterator[bytes]) -> CopiedAppend:
    numbers, stream, keys, chunks = fields
    *position, base, first, count = map(int, numbers.split())
    digests, offset = {}, 0
    while offset < len(chunks):
        number, length = _DIGESTS.unpack_from(chunks, offset)
        start = offset + _DIGESTS.size
        offset = start + length
        digests[number] = chunks[start:offset]
    own_bodies = list(islice(bodies, count))
    return CopiedAppend(Position(*position), StreamName(stream.decode()), base, first, keys, digests, own_bodies)
