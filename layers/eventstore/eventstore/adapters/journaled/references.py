"""What the index of a journal holds in the place of the bodies of events."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

__all__ = ["REFERENCE_BYTES", "Reference"]

# lua/journal/sizes.lua has it, too.
_PACKED = Struct(">QI4s")
_EVENT_BITS = 16

REFERENCE_BYTES = _PACKED.size


class Reference(NamedTuple):
    """What the index holds in the place of a body.

    Attributes:
        position: The position of the record that holds it.
        event: The index of the event in the record.
        size: The size of the body, in bytes.
        mark: The beginning of the nonce of the record: a journal that lost its newest records gives positions again.
    """

    position: int
    event: int
    size: int
    mark: bytes

    def packed(self) -> bytes:
        """Return it as `REFERENCE_BYTES` bytes."""
        return _PACKED.pack(self.position << _EVENT_BITS | self.event, self.size, self.mark)

    @classmethod
    def unpacked(cls, packed: bytes) -> list[Reference]:
        """Return the references that lie one after the other in some bytes."""
        mask = (1 << _EVENT_BITS) - 1
        return [
            cls(place >> _EVENT_BITS, place & mask, size, mark) for place, size, mark in _PACKED.iter_unpack(packed)
        ]
