"""What the index of a journal holds in the place of the bodies of events."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["MARK_BYTES", "REFERENCE_BYTES", "Reference", "References", "place_of"]

# lua/journal/sizes.lua has it, too.
_PACKED = Struct(">QI4s")
_EVENT_BITS = 16

_EVENTS = (1 << _EVENT_BITS) - 1

REFERENCE_BYTES = _PACKED.size

MARK_BYTES = 4


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


class References(NamedTuple):
    """Many references, by column: there are a thousand in a page.

    Attributes:
        places: The position of each record, with the index of the event: adjacent events have adjacent numbers.
        sizes: The size of each body.
        marks: What each reference knows of the nonce of its record.
    """

    places: Sequence[int]
    sizes: Sequence[int]
    marks: Sequence[bytes]

    @classmethod
    def unpacked(cls, values: Iterable[bytes]) -> References:
        """Return the references that lie one after the other in all of some values."""
        columns = tuple(zip(*_PACKED.iter_unpack(b"".join(values)), strict=True))
        return cls(*columns) if columns else cls((), (), ())

    def positions(self) -> Sequence[int]:
        """Return the position of the record of each reference."""
        return [place >> _EVENT_BITS for place in self.places]


def place_of(number: int) -> tuple[int, int]:
    """Return the position of the record and the index of the event that are one number of `References.places`."""
    return number >> _EVENT_BITS, number & _EVENTS
