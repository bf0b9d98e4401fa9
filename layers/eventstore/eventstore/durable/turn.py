"""A durable subscription in a turn of a partition: what it reads of the log, and what its owner is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from eventstore.cloudevents import recorded_attributes
from eventstore.frames.builder import PositionedEvent, missing_json
from eventstore.frames.frame import Address
from eventstore.groups import Loss, with_loss
from eventstore.read.gaps import received_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.frames.builder import DeliveryBuilder
    from eventstore.groups import Group, Step
    from eventstore.ports import Log, Turn
    from eventstore.positions import Position
    from eventstore.subscriptions import Durable

__all__ = ["GroupTurn", "Window"]


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the log that was read.

    Attributes:
        events: Those of the subscription's streams, whether its filter matches them or not.
        reached: The place up to which it was read.
        at_end: Whether that is as far as was asked for.
        removals: As in `Tail`; so is `removed_until`.
    """

    events: Sequence[PositionedEvent]
    reached: Position
    at_end: bool
    removals: int = 0
    removed_until: int = -1


@dataclass(frozen=True, slots=True)
class GroupTurn:
    """What all parts of such a turn use."""

    log: Log
    turn: Turn
    durable: Durable
    step: Step
    builder: DeliveryBuilder

    @property
    def group(self) -> Group:
        """The group that is moved."""
        return self.step.group

    @property
    def may_send(self) -> bool:
        """Whether the group has an owner that may be sent something new."""
        return self.group.owner is not None and not self.group.revoked

    def read(self, after: Position, until: Position, *, count: int, stream: str | None = None) -> Window:
        """Read the log between two places, up to `count` events; of one stream, or of all of the subscription's."""
        if after >= until:
            return Window((), until, at_end=True)
        partition = self.turn.partition
        streams = (stream,) if stream is not None else self.durable.streams
        tail = self.log.tail({partition: after}, count=count, until={partition: until}, streams=streams)[partition]
        events = [PositionedEvent(at, event) for at, event in tail.events]
        reached = until if tail.at_end else tail.position
        return Window(events, reached, tail.at_end, tail.removals, tail.removed_until)

    def wants(self, placed: PositionedEvent) -> bool:
        """Whether the event is one of the subscription's."""
        return self.durable.matches(placed.event.stream, recorded_attributes(placed.event))

    def address(self) -> Address:
        """Where the next frame goes."""
        group = self.group
        assert group.owner is not None  # noqa: S101 - who has no owner is sent nothing
        return Address(group.owner.connection, group.owner.id, group.frame + 1, 0)

    def tell_removed(
        self, window: Window, after: Position, until: Position, *, since: int, stream: str | None = None
    ) -> None:
        """Tell the owner of what is missing between two places of a window: what was removed before it was read.

        What is removed later was read, and has a greater serial: who goes back is told of it then. Up to the serial
        `since`, nothing is missing.
        """
        if window.removals <= since or window.removed_until < after.time:
            return
        partition, streams = self.turn.partition, (stream,) if stream is not None else self.durable.streams
        missing = self.log.missing(
            {partition: after}, since={partition: since}, until={partition: until}, streams=streams
        )[partition]
        lost = received_apart(missing.ranges, [placed.event for placed in window.events])
        ranges = tuple(found for found in lost if self.durable.concerns(found[0]))
        gone = tuple(name for name in missing.gone if name in self.durable.streams)
        if ranges or gone or not missing.complete:
            self.tell_loss(Loss(0, after, ranges, missing.complete, gone))

    def tell_losses(self) -> None:
        """Tell the owner of all that it has not been told, and has yet to acknowledge."""
        losses, self.group.losses = self.group.losses, []
        for loss in losses:
            if loss.frame:
                self.group.losses.append(loss)
            else:
                self.tell_loss(loss)

    def tell_loss(self, loss: Loss) -> None:
        """Tell the owner what it misses, until it acknowledges that.

        Its cursor is where the group stands, wherever the loss lies: cursors of later frames lie further on.
        """
        members = missing_json(loss.ranges, complete=loss.complete, gone=loss.gone)
        address, place = self.address(), self.group.place
        self.builder.add_missing(members, place, address)
        self.group.losses = with_loss(self.group.losses, replace(loss, frame=address.frame, position=place))
        self.group.frame = address.frame
