"""The bodies of the events of a record, which stay where they are in its bytes until they are asked for."""

from __future__ import annotations

import struct
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from eventstore.adapters.journaled.changes import ADOPTED, Append, CopyAppends
from eventstore.adapters.journaled.records import field_bounds, head_of
from eventstore.adapters.journaled.references import MARK_BYTES, REFERENCE_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["RecordBodies"]


_SIZES = {Append.KIND: 3, CopyAppends.KIND: 0}
"""Which field of a record has the sizes of its bodies; the next one has the bodies."""


class RecordBodies(NamedTuple):
    """The bodies of the events that a record appends.

    A page of events has hundreds of records, of which nothing but this is read; so they are not decoded.

    Attributes:
        mark: What references to the record know of its nonce.
        sizes: The size of each body, or `ADOPTED`.
        starts: Where each body begins in the record, and where the last one ends.
        record: The record.
    """

    mark: bytes
    sizes: Sequence[int]
    starts: Sequence[int]
    record: bytes

    @classmethod
    def of(cls, record: bytes) -> RecordBodies | None:
        """Return the bodies of a record; None if it is not understood, or appends nothing."""
        try:
            head = head_of(record)
            if head is None or head.kind not in _SIZES:
                return None
            (sizes_start, sizes_end), (start, end), *_ = field_bounds(record)[_SIZES[head.kind] :]
            sizes = struct.unpack(f"<{(sizes_end - sizes_start) // 4}I", record[sizes_start:sizes_end])
        except (ValueError, struct.error):
            return None
        lengths = [REFERENCE_BYTES if size == ADOPTED else size for size in sizes] if ADOPTED in sizes else sizes
        starts = tuple(accumulate(lengths, initial=start))
        return cls(head.nonce[:MARK_BYTES], sizes, starts, record) if starts[-1] == end else None

    def between(self, first: int, sizes: Sequence[int]) -> bytes | None:
        """Return the bodies of adjacent events, joined.

        Args:
            first: The index of the first one.
            sizes: The sizes of all.

        Returns:
            None if the record has no such bodies.
        """
        end = first + len(sizes)
        if self.sizes[first:end] != sizes:
            return None
        return self.record[self.starts[first] : self.starts[end]]
