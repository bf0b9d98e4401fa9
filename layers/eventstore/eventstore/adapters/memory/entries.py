"""The entries of a partition's log, in the order in which they were made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.positions import Position

if TYPE_CHECKING:
    from eventstore.streams import StreamName

__all__ = ["Entry"]


@dataclass(frozen=True, slots=True)
class Entry:
    """An append to a stream, or the deletion of a stream.

    A deletion has one position, and no event: a turn that comes to it notifies the subscribers.

    Attributes:
        number: Its number among all entries that the partition ever had, from 1: the `major` of its positions. The
            `minor` is 0.
        stream: The stream.
        first: The sequence of its first event; 0 for a deletion.
        last: The sequence of its last event; 0 for a deletion.
        time: When it was made, in milliseconds since 1970.
    """

    number: int
    stream: StreamName
    first: int
    last: int
    time: int

    @property
    def is_deletion(self) -> bool:
        """Whether it is the deletion of its stream."""
        return not self.last

    @property
    def sequences(self) -> range:
        """The sequences of its events; 0 alone for a deletion."""
        return range(self.first, self.last + 1)

    @property
    def end(self) -> Position:
        """The position after all of its events."""
        return Position(self.number, 0, 0).end_of_append()

    def position(self, sequence: int) -> Position:
        """Return the position of one of its `sequences`."""
        return Position(self.number, 0, sequence - self.first)
