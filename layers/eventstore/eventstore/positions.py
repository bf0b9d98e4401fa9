"""Places in a partition's log, and the tokens that carry them to clients and back."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from eventstore.errors import InvalidCursor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["BEGINNING", "Cursor", "Place", "Position", "combined_epoch"]

_EPOCH_BYTES = 6
_LIMIT = 1 << 64


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
    """A place in several partitions at once, bound to the epoch of the store that gave it.

    The token is opaque, URL-safe, and grows by about 12 characters a partition.
    """

    epoch: str
    positions: Mapping[int, Position]

    def token(self) -> str:
        """The cursor as clients carry it."""
        numbers = [n for p, at in sorted(self.positions.items()) for n in (p, at.time, at.order, at.index)]
        return _token("p", self.epoch, numbers)

    @classmethod
    def parse(cls, token: str) -> Cursor:
        """Read a token.

        Raises:
            InvalidCursor: This hub did not make it, or not for events of several streams.
        """
        epoch, numbers = _parse(token, "p")
        if len(numbers) % 4:
            raise InvalidCursor("the cursor is incomplete; use it as it was given", pointer="cursor")
        places = zip(*[iter(numbers)] * 4, strict=True)
        return cls(epoch, {p: Position(time, order, index) for p, time, order, index in places})


@dataclass(frozen=True, slots=True)
class Place:
    """A place in one stream: the sequence at which a page goes on."""

    epoch: str
    sequence: int

    def token(self) -> str:
        """The place as clients carry it."""
        return _token("s", self.epoch, [self.sequence])

    @classmethod
    def parse(cls, token: str) -> Place:
        """Read a token.

        Raises:
            InvalidCursor: This hub did not make it, or not for one stream.
        """
        epoch, numbers = _parse(token, "s")
        if len(numbers) != 1:
            raise InvalidCursor("the cursor is incomplete; use it as it was given", pointer="cursor")
        return cls(epoch, numbers[0])


def combined_epoch(epochs: Sequence[str]) -> str:
    """One epoch for several partitions: it changes when any of theirs does."""
    return blake2b("\0".join(epochs).encode(), digest_size=_EPOCH_BYTES).hexdigest()


def _token(kind: str, epoch: str, numbers: Sequence[int]) -> str:
    packed = bytearray(kind.encode() + bytes.fromhex(epoch))
    for number in numbers:
        rest = number
        while rest > 0x7F:  # noqa: PLR2004 - seven bits a byte, as LEB128 has it
            packed.append(rest & 0x7F | 0x80)
            rest >>= 7
        packed.append(rest)
    return urlsafe_b64encode(packed).rstrip(b"=").decode()


def _parse(token: str, kind: str) -> tuple[str, list[int]]:
    try:
        packed = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except ValueError as error:
        raise InvalidCursor("this is no cursor; use one as it was given, or leave it out", pointer="cursor") from error
    if packed[:1] != kind.encode() or len(packed) < 1 + _EPOCH_BYTES:
        raise InvalidCursor("the cursor is not one for this kind of read; use it where it was given", pointer="cursor")
    return packed[1 : 1 + _EPOCH_BYTES].hex(), list(_numbers(packed[1 + _EPOCH_BYTES :]))


def _numbers(packed: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in packed:
        number |= (byte & 0x7F) << shift
        shift += 7
        if number >= _LIMIT:
            break
        if not byte & 0x80:
            yield number
            number = shift = 0
    if shift:
        raise InvalidCursor("the cursor is incomplete; use it as it was given", pointer="cursor")
