"""Losses: removed events that the owner is notified of, and that are kept until the owner acknowledges the notice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from eventstore.positions import Position

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eventstore.streams import StreamName

__all__ = ["MOST_LOSSES", "Loss", "with_loss", "without_acknowledged"]

MOST_LOSSES = 10
"""The number of losses that a state keeps apart. Further ones are merged into the last one."""

_RANGES = 100


@dataclass(frozen=True, slots=True)
class Loss:
    """Events that were removed before the group read them, or before they could be sent again.

    Attributes:
        frame: The number of the frame that notified the present owner; 0 if the owner has not been notified yet.
        position: The position of the group when the owner was notified.
        ranges: Stream, first and last sequence.
        complete: Whether `ranges` holds all removed events.
        gone: Streams that the subscription names and that were deleted for good.
    """

    frame: int
    position: Position
    ranges: Sequence[tuple[StreamName, int, int]]
    complete: bool = True
    gone: Sequence[StreamName] = ()

    def encoded(self) -> list[Any]:
        """Return the members that `decoded` reads, as JSON values."""
        position = self.position
        ranges, gone = [list(lost_range) for lost_range in self.ranges], list(self.gone)
        return [self.frame, *position.numbers(), ranges, self.complete, gone]

    @classmethod
    def decoded(cls, members: Sequence[Any]) -> Loss:
        """Return the loss that was encoded."""
        frame, time, order, index, ranges, complete, gone = members
        return cls(frame, Position(time, order, index), tuple((s, f, e) for s, f, e in ranges), complete, tuple(gone))


def with_loss(losses: Sequence[Loss], loss: Loss) -> list[Loss]:
    """Return the losses with another one added.

    Args:
        losses: At most `MOST_LOSSES`.
        loss: Merged into the last one if there are `MOST_LOSSES` already.
    """
    if len(losses) < MOST_LOSSES:
        return [*losses, loss]
    *others, last = losses
    ranges = (*last.ranges, *loss.ranges)
    merged = replace(
        loss,
        ranges=ranges[:_RANGES],
        complete=last.complete and loss.complete and len(ranges) <= _RANGES,
        gone=tuple(dict.fromkeys((*last.gone, *loss.gone)))[:_RANGES],
    )
    return [*others, merged]


def without_acknowledged(losses: Iterable[Loss], position: Position, frame: int) -> list[Loss]:
    """Return the losses that an acknowledgement leaves open.

    Args:
        losses: The losses so far.
        position: The position that the owner acknowledged.
        frame: The number of the frame that carried the acknowledged cursor; 0 if it is not known.
    """
    if frame:
        return [loss for loss in losses if not 0 < loss.frame <= frame]
    return [loss for loss in losses if not (loss.frame and loss.position < position)]
