"""What a group's owner was told is missing, until it acknowledges that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from eventstore.positions import Position

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["MOST_LOSSES", "Loss", "acknowledged", "with_loss"]

MOST_LOSSES = 10
"""Losses that a state keeps apart; what comes beyond them is added to the last one."""

_RANGES = 100


@dataclass(frozen=True, slots=True)
class Loss:
    """Events that were removed before the group came to them, or before they could be sent again.

    Attributes:
        frame: The number of the frame that told the present owner of it; 0 if it has yet to be told.
        position: Where the group stood.
        ranges: Stream, first and last sequence.
        complete: Whether these are all.
        gone: Streams that the subscription names and that were deleted for good.
    """

    frame: int
    position: Position
    ranges: Sequence[tuple[str, int, int]]
    complete: bool = True
    gone: Sequence[str] = ()

    def encoded(self) -> list[Any]:
        """What `decoded` reads back, as JSON has it."""
        at = self.position
        ranges, gone = [list(found) for found in self.ranges], list(self.gone)
        return [self.frame, at.time, at.order, at.index, ranges, self.complete, gone]

    @classmethod
    def decoded(cls, members: Sequence[Any]) -> Loss:
        """The loss that was encoded."""
        frame, time, order, index, ranges, complete, gone = members
        return cls(frame, Position(time, order, index), tuple((s, f, e) for s, f, e in ranges), complete, tuple(gone))


def with_loss(losses: Sequence[Loss], loss: Loss) -> list[Loss]:
    """The losses and another one; however many there are, they stay few."""
    if len(losses) < MOST_LOSSES:
        return [*losses, loss]
    *others, last = losses
    ranges = (*last.ranges, *loss.ranges)
    both = replace(
        loss,
        ranges=ranges[:_RANGES],
        complete=last.complete and loss.complete and len(ranges) <= _RANGES,
        gone=tuple(dict.fromkeys((*last.gone, *loss.gone)))[:_RANGES],
    )
    return [*others, both]


def acknowledged(losses: Iterable[Loss], position: Position, frame: int) -> list[Loss]:
    """The losses that are left once the owner has acknowledged a place, by the cursor of a frame (0: not known)."""
    if frame:
        return [loss for loss in losses if not 0 < loss.frame <= frame]
    return [loss for loss in losses if not (loss.frame and loss.position < position)]
