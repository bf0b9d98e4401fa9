"""The port of the hot window: the events that are in memory, where the older ones are in the archive alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.positions import Position

__all__ = ["Cooled", "HotWindow"]


@dataclass(frozen=True, slots=True)
class Cooled:
    """What left memory.

    Attributes:
        events: The number of events whose bodies did.
        at_end: Whether nothing more is left to do.
    """

    events: int
    at_end: bool


class HotWindow(Protocol):
    """Lets events leave memory. Any number of processes may do so at once, and each may die anywhere."""

    def cool(self, partition: int, *, until: Position, may_go_on: Callable[[], bool]) -> Cooled:
        """Let the bodies of the events of a partition up to a position leave memory. They stay readable.

        Args:
            partition: The partition.
            until: The position of an event, all events up to which are archived.
            may_go_on: Whether there is time for another step.

        Raises:
            StoreUnavailable: The store does not answer. The next call continues.
        """
