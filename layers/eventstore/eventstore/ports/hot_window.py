"""The port of the hot window: the events that are in memory, where the older ones are in the archive alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.positions import Position

__all__ = ["HotWindow"]


class HotWindow(Protocol):
    """Lets events leave memory. Any number of processes may do so at once, and each may die anywhere."""

    def cool(self, partition: int, *, until: Position, may_go_on: Callable[[], bool]) -> int:
        """Let the bodies of the events of a partition up to a position leave memory. They stay readable.

        An append leaves as a whole: where the position is within one, that waits.

        Args:
            partition: The partition.
            until: The position of an event, all events up to which are archived.
            may_go_on: Whether there is time for another step.

        Returns:
            The number of events whose bodies left memory.

        Raises:
            StoreUnavailable: The store does not answer. The next call continues.
        """
