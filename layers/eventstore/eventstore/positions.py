"""Places in a partition's log, and the tokens that carry them to clients and back."""

from __future__ import annotations

import binascii
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore.errors import InvalidCursor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["BEGINNING", "WHOLE", "Cursor", "Position", "StreamCursor"]

_EPOCH_BYTES = 6
_LIMIT = 1 << 64
_PARTITIONS = 1 << 14

WHOLE = 16_383
"""An index beyond every event of one append: `Position(time, order, WHOLE)` is behind the whole of it."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """The place of one event in a partition's log: after it, reading goes on.

    Attributes:
        time: When its append was stored, in milliseconds since 1970; the log's clock never goes back.
        order: Which append of that millisecond.
        index: Which event of that append, from 0.
    """

    time: int
    order: int
    index: int


BEGINNING = Position(0, 0, 0)
"""Before every event."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in each of several partitions.

    The token is opaque, URL-safe, and takes about 20 characters a partition.

    Attributes:
        places: Per partition its epoch when the cursor was given, and the position.
        removals: Per partition the removal serial (`ports.Missing`) up to which nothing behind the position is missing
            to the reader: it began later, or was told. Without one, it may miss whatever was ever removed there.
        frames: Per partition the number of the frame that the cursor was given with, by which members of durable
            subscriptions acknowledge. A cursor has removals or frames, or neither.
    """

    places: Mapping[int, tuple[str, Position]]
    removals: Mapping[int, int] = field(default_factory=dict)
    frames: Mapping[int, int] = field(default_factory=dict)

    def token(self) -> str:
        """The cursor as clients carry it."""
        with_removals = any(self.removals.values())
        numbers = self.frames or (self.removals if with_removals else {})
        packed = bytearray(_WITH_FRAMES if self.frames else _WITH_REMOVALS if with_removals else _PLACES)
        for partition, (epoch, at) in sorted(self.places.items()):
            packed += _packed([partition]) + bytes.fromhex(epoch) + _packed([at.time, at.order, at.index])
            if numbers:
                packed += _packed([numbers.get(partition, 0)])
        return _text(packed)

    @classmethod
    def parse(cls, token: str) -> Cursor:
        """Read a token.

        Raises:
            InvalidCursor: This hub did not make it, or not for events of several streams.
        """
        kind, packed = _unpacked(token, _PLACES, _WITH_REMOVALS, _WITH_FRAMES)
        places: dict[int, tuple[str, Position]] = {}
        more: dict[int, int] = {}
        at = 0
        while at < len(packed):
            (partition,), at = _numbers(packed, at, 1)
            epoch, at = packed[at : at + _EPOCH_BYTES], at + _EPOCH_BYTES
            numbers, at = _numbers(packed, at, 3)
            if partition >= _PARTITIONS or partition in places:
                raise InvalidCursor(
                    "the cursor names partitions that do not exist here; use a cursor from this hub, unchanged",
                    pointer="cursor",
                )
            places[partition] = epoch.hex(), Position(*numbers)
            if kind != _PLACES:
                (more[partition],), at = _numbers(packed, at, 1)
        if kind == _WITH_FRAMES:
            return cls(places, frames=more)
        return cls(places, {partition: serial for partition, serial in more.items() if serial})

    @classmethod
    def merged(cls, tokens: Sequence[str]) -> Cursor:
        """One cursor from several tokens, each of which may be several, joined by `.`.

        Of each partition the furthest position counts; where epochs differ, the later token.

        Raises:
            InvalidCursor: As `parse` says of any of them.
        """
        places: dict[int, tuple[str, Position]] = {}
        removals: dict[int, int] = {}
        for cursor in (cls.parse(one) for token in tokens for one in token.split(".")):
            for partition, (epoch, position) in cursor.places.items():
                known, serial = places.get(partition), cursor.removals.get(partition, 0)
                if known == (epoch, position):
                    # As if nothing had been told, where one of them says so.
                    removals[partition] = min(serial, removals[partition])
                elif known is None or known[0] != epoch or known[1] < position:
                    places[partition], removals[partition] = (epoch, position), serial
        return cls(places, {partition: serial for partition, serial in removals.items() if serial})


@dataclass(frozen=True, slots=True)
class StreamCursor:
    """A place in one stream: the sequence at which a page goes on.

    Attributes:
        first: Of a read backwards, the oldest sequence that was kept when the page was read; else 0.
    """

    epoch: str
    sequence: int
    first: int = 0

    def token(self) -> str:
        """The place as clients carry it."""
        kind, numbers = (_BACKWARDS, [self.sequence, self.first]) if self.first else (_ONWARDS, [self.sequence])
        return _text(kind + bytes.fromhex(self.epoch) + _packed(numbers))

    @classmethod
    def parse(cls, token: str) -> StreamCursor:
        """Read a token.

        Raises:
            InvalidCursor: This hub did not make it, or not for one stream.
        """
        kind, packed = _unpacked(token, _ONWARDS, _BACKWARDS)
        numbers, end = _numbers(packed, _EPOCH_BYTES, 2 if kind == _BACKWARDS else 1)
        if end != len(packed):
            raise InvalidCursor(
                "the cursor has extra characters; use a cursor exactly as it was returned", pointer="cursor"
            )
        return cls(packed[:_EPOCH_BYTES].hex(), *numbers)


_PLACES, _WITH_REMOVALS, _WITH_FRAMES, _ONWARDS, _BACKWARDS = b"c", b"r", b"m", b"s", b"b"
"""The kinds of tokens: of several partitions, alone, with serials, and with the numbers of frames; of one stream, read
onwards and backwards."""


def _packed(numbers: Sequence[int]) -> bytes:
    packed = bytearray()
    for number in numbers:
        rest = number
        while rest > 0x7F:  # noqa: PLR2004 - seven bits a byte, as LEB128 has it
            packed.append(rest & 0x7F | 0x80)
            rest >>= 7
        packed.append(rest)
    return bytes(packed)


def _numbers(packed: bytes, at: int, count: int) -> tuple[list[int], int]:
    """That many numbers from a place on, and the place behind them."""
    numbers: list[int] = []
    number = shift = 0
    # By index, for a slice would copy the rest of a long cursor for each of its places.
    for here in range(at, len(packed)):
        byte = packed[here]
        number |= (byte & 0x7F) << shift
        shift += 7
        if number >= _LIMIT:
            break
        if not byte & 0x80:
            numbers.append(number)
            number = shift = 0
            if len(numbers) == count:
                return numbers, here + 1
    raise InvalidCursor("the cursor is incomplete; use a cursor exactly as it was returned", pointer="cursor")


def _text(packed: bytes | bytearray) -> str:
    return urlsafe_b64encode(packed).rstrip(b"=").decode()


def _unpacked(token: str, *kinds: bytes) -> tuple[bytes, bytes]:
    """The kind of a token, which is one of these, and what it holds behind that."""
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
