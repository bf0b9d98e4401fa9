"""Positions in the logs of partitions, and the cursor tokens that clients keep."""

from __future__ import annotations

import binascii
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple, NewType, cast

from eventstore.errors import InvalidCursor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

__all__ = [
    "BEGINNING",
    "END",
    "END_OF_APPEND",
    "Cursor",
    "Epoch",
    "Position",
    "StreamCursor",
    "before",
    "end_of",
    "just_below",
]

_EPOCH_BYTES = 6
_LIMIT = 1 << 64
_PARTITIONS = 1 << 14
_GREATEST = (1 << 63) - 1

Epoch = NewType("Epoch", str)
"""The epoch of a partition, in hexadecimal. It changes when the store is reset, so that lost history is noticed."""

END_OF_APPEND = 16_383
"""An index greater than that of any event of an append."""


class Position(NamedTuple):
    """The position of an event in a partition's log; a read after it starts with the next event.

    A tuple, because tens of thousands are created per second.

    Only the log that issued a position knows what its numbers mean; everybody else keeps, compares and returns it. When
    an event was stored is `RecordedEvent.time`, and that of a position is `Log.times`.

    Attributes:
        major: The append, by the order of the log.
        minor: The append, among those of the same `major`.
        index: The number of the event within the append, from 0.
    """

    major: int
    minor: int
    index: int  # type: ignore[assignment]  # the method of tuples is not used

    @staticmethod
    def of_append(major: int, minor: int, indexes: Iterable[int]) -> Iterator[Position]:
        """Yield the positions of events of one append."""
        return map(_as_position, zip(repeat(major), repeat(minor), indexes, strict=False))

    def numbers(self) -> list[int]:
        """Return the numbers of which a position is made, to store it."""
        return [self.major, self.minor, self.index]

    def is_in_append_of(self, other: Position) -> bool:
        """Whether the events of both positions were stored by one append."""
        return (self.major, self.minor) == (other.major, other.minor)

    def end_of_append(self) -> Position:
        """Return the position after all events of the append."""
        return Position(self.major, self.minor, END_OF_APPEND)


_as_position = cast("Callable[[Iterable[Any]], Position]", partial(tuple.__new__, Position))
"""In C, as `cloudevents.event` makes recorded events."""

BEGINNING = Position(0, 0, 0)
"""The position before every event."""

END = Position(_GREATEST, 0, 0)
"""The position after every event."""


def end_of(major: int) -> Position:
    """Return the position after all events with a `major`."""
    return Position(major, _GREATEST, END_OF_APPEND)


def before(position: Position) -> Position:
    """Return the position right before an event's: reading after it yields the event."""
    if position.index:
        return Position(position.major, position.minor, position.index - 1)
    if position.minor:
        return Position(position.major, position.minor - 1, END_OF_APPEND)
    return end_of(position.major - 1)


def just_below(position: Position) -> Position:
    """Return a position that compares as less than this one, and as greater than every lesser position of an event."""
    return Position(position.major, position.minor, position.index - 1)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position in each of several partitions.

    The token is opaque, URL-safe, and has about 20 characters per partition.

    Attributes:
        places: Per partition, its epoch when the cursor was issued, and the position.
        removals: Per partition, the removal serial (`ports.Missing`) up to which the reader misses nothing after the
            position: it started later, or the removals were reported to it. Without a serial, it may miss anything
            that was ever removed there.
        frames: Per partition, the number of the frame that carried the cursor, by which members of durable
            subscriptions acknowledge. A cursor has removals or frames, or neither.
    """

    places: Mapping[int, tuple[Epoch, Position]]
    removals: Mapping[int, int] = field(default_factory=dict)
    frames: Mapping[int, int] = field(default_factory=dict)

    def token(self) -> str:
        """Return the token that clients keep."""
        with_removals = any(self.removals.values())
        numbers = self.frames or (self.removals if with_removals else {})
        packed = bytearray(_WITH_FRAMES if self.frames else _WITH_REMOVALS if with_removals else _PLACES)
        for partition, (epoch, position) in sorted(self.places.items()):
            packed += _pack_numbers([partition]) + bytes.fromhex(epoch)
            packed += _pack_numbers(position.numbers())
            if numbers:
                packed += _pack_numbers([numbers.get(partition, 0)])
        return _encode(packed)

    @classmethod
    def parse(cls, token: str) -> Cursor:
        """Read a token.

        Raises:
            InvalidCursor: This hub did not issue it, or it is the cursor of one stream.
        """
        kind, packed = _decode(token, _PLACES, _WITH_REMOVALS, _WITH_FRAMES)
        places: dict[int, tuple[Epoch, Position]] = {}
        extra: dict[int, int] = {}
        offset = 0
        while offset < len(packed):
            (partition,), offset = _unpack_numbers(packed, offset, 1)
            epoch, offset = packed[offset : offset + _EPOCH_BYTES], offset + _EPOCH_BYTES
            numbers, offset = _unpack_numbers(packed, offset, 3)
            if partition >= _PARTITIONS or partition in places:
                raise InvalidCursor(
                    "the cursor names partitions that do not exist here; use a cursor from this hub, unchanged",
                    pointer="cursor",
                )
            places[partition] = Epoch(epoch.hex()), Position(*numbers)
            if kind != _PLACES:
                (extra[partition],), offset = _unpack_numbers(packed, offset, 1)
        if kind == _WITH_FRAMES:
            return cls(places, frames=extra)
        return cls(places, {partition: serial for partition, serial in extra.items() if serial})

    @classmethod
    def merged(cls, tokens: Sequence[str]) -> Cursor:
        """Merge several tokens into one cursor. A token may be several, joined by `.`.

        Of each partition, the furthest position counts; where epochs differ, that of the later token.

        Raises:
            InvalidCursor: One of them is invalid; see `parse`.
        """
        places: dict[int, tuple[Epoch, Position]] = {}
        removals: dict[int, int] = {}
        for cursor in (cls.parse(part) for token in tokens for part in token.split(".")):
            for partition, (epoch, position) in cursor.places.items():
                known, serial = places.get(partition), cursor.removals.get(partition, 0)
                if known == (epoch, position):
                    # The lower serial: reporting a removal twice is safe, not reporting it is not.
                    removals[partition] = min(serial, removals[partition])
                elif known is None or known[0] != epoch or known[1] < position:
                    places[partition], removals[partition] = (epoch, position), serial
        return cls(places, {partition: serial for partition, serial in removals.items() if serial})


@dataclass(frozen=True, slots=True)
class StreamCursor:
    """A position in one stream.

    Attributes:
        epoch: The epoch of the stream's partition when the cursor was issued.
        sequence: The sequence at which the next page starts.
        first: For a read backwards, the oldest sequence that was kept when the page was read; else 0.
    """

    epoch: Epoch
    sequence: int
    first: int = 0

    def token(self) -> str:
        """Return the token that clients keep."""
        kind, numbers = (_BACKWARDS, [self.sequence, self.first]) if self.first else (_ONWARDS, [self.sequence])
        return _encode(kind + bytes.fromhex(self.epoch) + _pack_numbers(numbers))

    @classmethod
    def parse(cls, token: str) -> StreamCursor:
        """Read a token.

        Raises:
            InvalidCursor: This hub did not issue it, or it is not the cursor of one stream.
        """
        kind, packed = _decode(token, _ONWARDS, _BACKWARDS)
        numbers, end = _unpack_numbers(packed, _EPOCH_BYTES, 2 if kind == _BACKWARDS else 1)
        if end != len(packed):
            raise InvalidCursor(
                "the cursor has extra characters; use a cursor exactly as it was returned", pointer="cursor"
            )
        return cls(Epoch(packed[:_EPOCH_BYTES].hex()), *numbers)


_PLACES, _WITH_REMOVALS, _WITH_FRAMES, _ONWARDS, _BACKWARDS = b"c", b"r", b"m", b"s", b"b"
"""The first byte of a token: positions in partitions, alone, with removal serials, or with frame numbers; a position in
one stream, read forwards or backwards."""


def _pack_numbers(numbers: Sequence[int]) -> bytes:
    packed = bytearray()
    for number in numbers:
        rest = number
        while rest > 0x7F:  # noqa: PLR2004 - seven bits a byte, as LEB128 has it
            packed.append(rest & 0x7F | 0x80)
            rest >>= 7
        packed.append(rest)
    return bytes(packed)


def _unpack_numbers(packed: bytes, start: int, count: int) -> tuple[list[int], int]:
    """Return `count` numbers from an offset on, and the offset behind them."""
    numbers: list[int] = []
    number = shift = 0
    # By index: a slice would copy the rest of a long cursor for each of its positions.
    for offset in range(start, len(packed)):
        byte = packed[offset]
        number |= (byte & 0x7F) << shift
        shift += 7
        if number >= _LIMIT:
            break
        if not byte & 0x80:
            numbers.append(number)
            number = shift = 0
            if len(numbers) == count:
                return numbers, offset + 1
    raise InvalidCursor("the cursor is incomplete; use a cursor exactly as it was returned", pointer="cursor")


def _encode(packed: bytes | bytearray) -> str:
    return urlsafe_b64encode(packed).rstrip(b"=").decode()


def _decode(token: str, *kinds: bytes) -> tuple[bytes, bytes]:
    """Return the kind of a token, which must be one of `kinds`, and the bytes behind it."""
    try:
        packed = b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise InvalidCursor(
            "the cursor is malformed; use a cursor exactly as it was returned, or omit it", pointer="cursor"
        ) from error
    if packed[:1] not in kinds:
        raise InvalidCursor(
            "the cursor belongs to another kind of read; use it only with the call that returned it", pointer="cursor"
        )
    return packed[:1], packed[1:]
