"""A durable subscription in a turn of a partition: reading its part of the log, and reporting losses to its owner."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from eventstore.errors import ArchiveUnavailable
from eventstore.frames.frame import Address
from eventstore.frames.hub_messages import missing_json
from eventstore.groups import Loss, is_outstanding, with_loss
from eventstore.read.window import Window, gaps_for, gaps_in, read_window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.durable.pushing import PushBuilder
    from eventstore.frames.builder import DeliveryBuilder
    from eventstore.frames.positioned import PositionedEvent
    from eventstore.groups import Group, Step
    from eventstore.ports import Log, Turn
    from eventstore.positions import Position
    from eventstore.streams import StreamName
    from eventstore.subscriptions import Durable

__all__ = ["GroupTurn"]

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GroupTurn:
    """The work of a turn for one durable subscription.

    Attributes:
        log: The log that the turn reads.
        turn: The turn of the partition.
        durable: The subscription.
        step: The state of its group in the partition, which is changed.
        builder: Gathers the frames, or what is pushed to a target.
    """

    log: Log
    turn: Turn
    durable: Durable
    step: Step
    builder: DeliveryBuilder | PushBuilder

    @property
    def group(self) -> Group:
        """The state that is changed."""
        return self.step.group

    @property
    def may_send(self) -> bool:
        """Whether the group has an owner that may be sent new events."""
        group = self.group
        if group.owner is None or group.revoked or self.step.is_pushing or self.step.now < group.circuit.until:
            return False
        return not (self.is_probe and is_outstanding(self.step))

    @property
    def is_probe(self) -> bool:
        """Whether only one event may be pushed, to find out whether the target is back."""
        return self.group.circuit.is_open

    def read(self, after: Position, until: Position, *, count: int, stream: StreamName | None = None) -> Window:
        """Read the log between two positions.

        Nothing is read where the archive does not answer: then the subscription waits, and no other does. In a retry
        of a turn all wait, for the first try may have sent what this one lacks, under the same numbers.

        Args:
            after: The position after which to read.
            until: The position up to which to read.
            count: The most events to read.
            stream: The stream to read; None for all streams of the subscription.
        """
        streams = self._streams(stream)
        try:
            return read_window(self.log, self.turn.partition, after, until, count=count, streams=streams)
        except ArchiveUnavailable as error:
            if self.turn.is_retry:
                raise
            _LOGGER.debug("%s: %s", self.durable.name, error.detail)
            return Window((), after, at_end=False, is_read=False)

    @property
    def receives_all(self) -> bool:
        """Whether the subscription receives every event of its streams; without streams, all but those of forks."""
        return self.durable.filter.is_everything

    def matches(self, positioned: PositionedEvent) -> bool:
        """Return whether the subscription receives an event."""
        return self.durable.selects(positioned.event)

    def address(self) -> Address:
        """Return the address of the next frame for the owner."""
        group = self.group
        assert group.owner is not None  # noqa: S101 - without an owner nothing is sent
        return Address(group.owner.connection, group.owner.id, group.frame + 1, 0)

    def report_removed(
        self, window: Window, after: Position, until: Position, *, since: int, stream: StreamName | None = None
    ) -> None:
        """Report to the owner what was removed between two positions of a window before it was read.

        Events that are removed later were read. Their removal has a greater serial: if the group goes back, it is
        reported then.

        Args:
            window: The part of the log that was read.
            after: The position after which events count.
            until: The position up to which events count.
            since: A removal serial; only later removals count.
            stream: The stream whose removals count; None for all streams of the subscription.
        """
        if not window.may_miss(after, since=since):
            return
        streams = self._streams(stream)
        gaps = gaps_in(self.log, self.turn.partition, after, until, window=window, since=since, streams=streams)
        gaps = gaps_for(self.durable, gaps)
        if gaps:
            self.report_loss(Loss(0, after, tuple(gaps.ranges), gaps.complete, tuple(gaps.gone)))

    def report_losses(self) -> None:
        """Report all losses that the present owner has not been notified of."""
        losses, self.group.losses = self.group.losses, []
        for loss in losses:
            if loss.frame:
                self.group.losses.append(loss)
            else:
                self.report_loss(loss)

    def report_loss(self, loss: Loss) -> None:
        """Report a loss to the owner, and keep it until the owner acknowledges it.

        The cursor of its frame is the group's position, wherever the loss is: cursors of later frames are further on.
        """
        members = missing_json(loss.ranges, complete=loss.complete, gone=loss.gone)
        address, position = self.address(), self.group.place
        self.builder.add_missing(members, position, address)
        self.group.losses = with_loss(self.group.losses, replace(loss, frame=address.frame, position=position))
        self.group.frame = address.frame

    def _streams(self, stream: StreamName | None) -> Sequence[StreamName]:
        return self.durable.streams if stream is None else (stream,)
