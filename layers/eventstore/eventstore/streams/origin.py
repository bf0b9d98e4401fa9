"""Where a fork comes from: the stream whose first events it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eventstore.cloudevents.event import StreamName

__all__ = ["Origin"]


@dataclass(frozen=True, slots=True)
class Origin:
    """The events of another stream that a fork begins with. They have the sequences from 1 there, in the same order.

    Attributes:
        stream: The name of the other stream.
        first: The sequence of the first of the events there: 1, unless older ones were removed before.
        until: The sequence of the last of them there.
        complete: Whether all of them are copied.
    """

    stream: StreamName
    first: int
    until: int
    complete: bool = False

    @property
    def count(self) -> int:
        """The number of the events."""
        return self.until - self.first + 1
