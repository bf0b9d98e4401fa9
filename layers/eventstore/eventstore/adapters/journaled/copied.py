"""Appends of another store, as a change in a journal."""

from __future__ import annotations

import struct
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from eventstore.adapters.journaled.changes import CopyAppends
from eventstore.ports.copied_values import CopiedAppend
from eventstore.positions import Position
from eventstore.streams import StreamName

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["bodies_of_copy", "copied_appends", "copy_of"]

_FIELDS = 6
"""Position and sequences, stream, keys, digests, sizes, bodies."""
_DIGESTS = struct.Struct("<QI")
"""Number and length of a chunk of digests."""


def copy_of(appends: Sequence[CopiedAppend]) -> CopyAppends:
    """Return appends as a change."""
    fields: list[bytes] = []
    for position, stream, base, first, keys, digests, bodies in appends:
        place = " ".join(map(str, (*position, base, first)))
        chunks = b"".join([_DIGESTS.pack(number, len(chunk)) + chunk for number, chunk in digests.items()])
        sizes = struct.pack(f"<{len(bodies)}I", *map(len, bodies))
        fields += (place.encode(), stream.encode(), keys, chunks, sizes, b"".join(bodies))
    return CopyAppends(tuple(fields))


def copied_appends(change: CopyAppends) -> list[CopiedAppend]:
    """Return the appends of a change."""
    return [_append(fields) for fields in zip(*[iter(change.appends)] * _FIELDS, strict=True)]


def bodies_of_copy(change: CopyAppends) -> list[bytes]:
    """Return the bodies of all appends of a change."""
    return [body for append in copied_appends(change) for body in append.bodies]


def _append(fields: Sequence[bytes]) -> CopiedAppend:
    place, stream, keys, chunks, sizes, joined = fields
    *position, base, first = map(int, place.split())
    digests, offset = {}, 0
    while offset < len(chunks):
        number, length = _DIGESTS.unpack_from(chunks, offset)
        start = offset + _DIGESTS.size
        offset = start + length
        digests[number] = chunks[start:offset]
    ends = accumulate(struct.unpack(f"<{len(sizes) // 4}I", sizes), initial=0)
    bodies = [joined[start:end] for start, end in pairwise(ends)]
    return CopiedAppend(Position(*position), StreamName(stream.decode()), base, first, keys, digests, bodies)
