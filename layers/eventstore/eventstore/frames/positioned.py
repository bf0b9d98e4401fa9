"""Events with their positions in a partition's log."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from eventstore.cloudevents.event import RecordedEvent
    from eventstore.positions import Position

__all__ = ["PositionedEvent"]


class PositionedEvent(NamedTuple):
    """An event and its position in the partition's log. A tuple, because tens of thousands are created per second."""

    position: Position
    event: RecordedEvent

    @staticmethod
    def of(pairs: Iterable[tuple[Position, RecordedEvent]]) -> Iterator[PositionedEvent]:
        """Yield the events of pairs of a position and an event."""
        return map(_as_positioned, pairs)


_as_positioned = cast(
    "Callable[[tuple[Position, RecordedEvent]], PositionedEvent]", partial(tuple.__new__, PositionedEvent)
)
"""In C, as `cloudevents.event` makes recorded events."""
