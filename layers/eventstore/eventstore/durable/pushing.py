"""Pushing to targets: what a turn sends to one in place of frames for a member, and what comes back of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from eventstore.errors import SubscriptionNotFound
from eventstore.frames.budget import fitting
from eventstore.frames.event_text import event_text
from eventstore.frames.pushes import Push, PushedEvent, most_bytes
from eventstore.groups import LONGEST_REASON, TARGET, Ack, AckStream, Nack, Pushed
from eventstore.positions import Cursor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.frames.frame import Address
    from eventstore.frames.positioned import PositionedEvent
    from eventstore.frames.pushes import PushResult
    from eventstore.groups import Command
    from eventstore.ports import Durables
    from eventstore.positions import Epoch, Position
    from eventstore.streams import StreamName
    from eventstore.subscriptions import Durable, Target

__all__ = ["MOST_PUSHED", "PushBuilder", "PushResults"]

MOST_PUSHED = 100
"""The most events of a push."""


@dataclass(slots=True)
class PushBuilder:
    """Gathers the pushes of a turn for one durable subscription. It has the methods of `DeliveryBuilder` for members.

    What a member is notified of has no meaning for a target, and is not pushed. It has a frame number all the same.

    Args:
        durable: The subscription; it has a target.
        target: Its target.
        partition: The partition of the turn.
        epoch: The epoch of the partition.
        events_url: The URL under which single events are read, for `dataref`.
    """

    durable: Durable
    target: Target
    partition: int
    epoch: Epoch
    events_url: str
    pushes: list[Push] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    _texts: dict[Position, str] = field(default_factory=dict)

    def add_owned(self, position: Position, to: Address, *, ack_deadline_ms: int) -> None:
        """See `DeliveryBuilder.add_owned`."""

    def add_revoked(self, to: Address) -> None:
        """See `DeliveryBuilder.add_revoked`."""

    def add_text(self, text: str, to: Address) -> None:
        """See `DeliveryBuilder.add_text`."""

    def add_caught_up(self, stream: StreamName, to: Address) -> None:
        """See `DeliveryBuilder.add_caught_up`."""

    def add_missing(self, missing: str, position: Position, to: Address) -> None:  # noqa: ARG002 - as for a member
        """Note what was removed before it could be pushed.

        Args:
            missing: The result of `missing_json`.
            position: As in `DeliveryBuilder.add_missing`.
            to: As in `DeliveryBuilder.add_missing`.
        """
        self.missing.append(missing)

    def in_one_frame(self, events: Sequence[PositionedEvent]) -> int:
        """Return how many of the first events fit into one push."""
        first = events[:MOST_PUSHED]
        return min(len(first), fitting(map(self._size, first), most_bytes(self.target)))

    def add_to_member(self, events: Sequence[PositionedEvent], to: Address, *, resent: bool) -> Sequence[int]:
        """Add new events. All that a turn adds are one push: nothing may be pushed beside it.

        Args:
            events: The events, in the order of the log. All that are added must fit into one push (`in_one_frame`).
            to: The number of the frame.
            resent: Whether the events may have been pushed before.
        """
        if not events:
            return []
        cursor = Cursor({self.partition: (self.epoch, events[-1].position)}, frames={self.partition: to.frame})
        self._add(events, 2 if resent else 1, to.frame, cursor.token())
        return [len(events)]

    def add_again(
        self,
        events: Sequence[PositionedEvent],
        attempt: int,
        to: Address,
        *,
        reason: str | None = None,  # noqa: ARG002 - as for a member
    ) -> None:
        """Add events of a held stream. Those of several streams share a push, in which each stream goes on by itself.

        Args:
            events: The events, which must fit into one push.
            attempt: The number of the attempt.
            to: The number of the frame.
            reason: As in `DeliveryBuilder.add_again`.
        """
        self._add(events, attempt, to.frame, "")

    def _add(self, events: Sequence[PositionedEvent], attempt: int, frame: int, cursor: str) -> None:
        """Add events to the last push if it is of the same kind and has room for them, else to a new one."""
        added = [
            PushedEvent(positioned.event.stream, positioned.event.sequence, self._text(positioned), attempt)
            for positioned in events
        ]
        last = self.pushes[-1] if self.pushes else None
        if last is not None and bool(last.cursor) == bool(cursor):
            together = [*last.events, *added]
            size = sum(len(event.text.encode()) for event in together)
            if len(together) <= MOST_PUSHED and size <= most_bytes(self.target):
                self.pushes[-1] = replace(last, frame=frame, cursor=cursor, events=together)
                return
        self.pushes.append(
            Push(
                subscription=self.durable.name,
                key=self.durable.key,
                partition=self.partition,
                frame=frame,
                cursor=cursor,
                target=self.target,
                timeout_ms=self.durable.settings.ack_deadline_ms,
                events=added,
            )
        )

    def _size(self, positioned: PositionedEvent) -> int:
        return len(self._text(positioned).encode())

    def _text(self, positioned: PositionedEvent) -> str:
        text = self._texts.get(positioned.position)
        if text is None:
            text, _ = event_text(positioned.event, most=most_bytes(self.target), events_url=self.events_url)
            self._texts[positioned.position] = text
        return text


class PushResults:
    """Turns what came of pushes into commands of the subscription's group. The partition's next turn applies them.

    Args:
        durables: Holds the subscriptions.
    """

    def __init__(self, durables: Durables) -> None:
        self._durables = durables

    def enqueue(self, result: PushResult) -> None:
        """Enqueue the commands of a result. One of a subscription that was deleted changes nothing."""
        try:
            durable = self._durables.get(result.subscription)
        except SubscriptionNotFound:
            return
        if durable.key == result.key:
            self._durables.enqueue(durable, {result.partition: _commands(result)})


def _commands(result: PushResult) -> list[Command]:
    owner, frame = TARGET.connection, result.frame
    # The circuit first: while it is open, a failure does not count as an attempt.
    commands: list[Command] = [Pushed(owner, result.unavailable[:LONGEST_REASON], result.pause_ms, frame)]
    commands += [AckStream(owner, stream, sequence, frame) for stream, sequence in result.handled.items()]
    commands += [
        Nack(
            owner,
            failed.stream,
            failed.sequence,
            failed.reason[:LONGEST_REASON],
            failed.delay_ms,
            failed.park,
            frame,
            failed.counts,
        )
        for failed in result.failed
    ]
    if result.cursor:
        epoch, position = Cursor.parse(result.cursor).places[result.partition]
        commands.append(Ack(owner, position, epoch, frame))
    return commands
