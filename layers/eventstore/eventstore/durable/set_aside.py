"""Streams that a durable subscription has set aside: held ones, which are retried, and parked ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.durable.dead_letters import dead_letter
from eventstore.groups import Held, InFlightEvent
from eventstore.positions import before

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from eventstore.durable.turn import GroupTurn
    from eventstore.groups import Parked
    from eventstore.ports import DeadLetter
    from eventstore.positions import Position
    from eventstore.streams import StreamName

__all__ = ["SetAsideStreams"]

_LETTERS = 50
"""The number of events that a turn sends to the dead letter queue for one group: one by one, some 10 ms each."""

_HELD_EVENTS = 10
_STREAMS = 20
"""The number of held streams and of parked streams of a group that a turn handles. It sends one frame per held one."""


class SetAsideStreams:
    """The held and the parked streams of a group, in one turn.

    Args:
        group_turn: The turn of the group.
    """

    def __init__(self, group_turn: GroupTurn) -> None:
        self._turn = group_turn

    @property
    def can_go_on(self) -> bool:
        """Whether there is work to do for a held or a parked stream."""
        return bool(self._held_due() or self._to_copy() or self._to_match())

    @property
    def has_held_due(self) -> bool:
        """Whether a held stream may be sent now."""
        return bool(self._held_due())

    def send_held(self) -> bool:
        """Send the next events of held streams, and return whether there is more to do."""
        has_more, held_due = False, self._held_due()
        if self._turn.is_probe:
            # The one that was tried longest ago: a stream that fails for itself must not be all that is tried.
            held_due = sorted(held_due, key=lambda stream_held: stream_held[1].due)[:1]
        for stream, held in held_due[:_STREAMS]:
            has_more = self._send_stream(stream, held) or has_more
        return has_more or len(held_due) > _STREAMS

    def park(self) -> tuple[list[DeadLetter], bool]:
        """Return parked events to send to the dead letter queue, and whether there are more."""
        letters: list[DeadLetter] = []
        waiting = self._to_copy()
        has_more = len(waiting) > _STREAMS
        room = _LETTERS
        for stream, parked in waiting[:_STREAMS]:
            if not room:
                return letters, True
            window = self._turn.read(parked.copied, self._turn.group.place, count=room, stream=stream)
            if not window.is_read:
                return letters, True
            room -= len(window.events)
            parked.copied = window.reached
            has_more = has_more or not window.at_end
            copied = [
                dead_letter(self._turn.durable, event, parked) for event in window.events if self._turn.matches(event)
            ]
            parked.letters += len(copied)
            letters += copied
        return letters, has_more

    def release_unwanted(self) -> bool:
        """Resume parked streams whose failed event the changed filter excludes, and return whether more are left."""
        group = self._turn.group
        waiting = self._to_match()
        for stream, parked in waiting[:_STREAMS]:
            window = self._turn.read(before(parked.event), parked.event, count=1, stream=stream)
            if not window.is_read:
                return True
            # A failed event that was removed is reported when the stream resumes.
            if any(map(self._turn.matches, window.events)) or not window.events:
                parked.version = group.version
            else:
                del group.parked[stream]
                group.held[stream] = Held(before(parked.event), 0, self._turn.step.now, removals=parked.removals)
        return len(waiting) > _STREAMS

    def pass_parked(self, streams: AbstractSet[StreamName], reached: Position) -> None:
        """Advance parked streams without new events: they need not be read, and other streams do not wait for them.

        Args:
            streams: The streams that have new events.
            reached: The position up to which the log was read.
        """
        group = self._turn.group
        for stream, parked in group.parked.items():
            if parked.copied >= group.place and stream not in streams:
                parked.copied = reached

    def _held_due(self) -> list[tuple[StreamName, Held]]:
        if not self._turn.may_send:
            return []
        group, now = self._turn.group, self._turn.step.now
        return [(stream, held) for stream, held in group.held.items() if held.due <= now and held.waits(group.place)]

    def _to_copy(self) -> list[tuple[StreamName, Parked]]:
        group = self._turn.group
        return [(stream, parked) for stream, parked in group.parked.items() if parked.copied < group.place]

    def _to_match(self) -> list[tuple[StreamName, Parked]]:
        group = self._turn.group
        return [(stream, parked) for stream, parked in group.parked.items() if parked.version < group.version]

    def _send_stream(self, stream: StreamName, held: Held) -> bool:
        turn, group = self._turn, self._turn.group
        window = turn.read(held.after, group.place, count=_HELD_EVENTS, stream=stream)
        if not window.is_read:
            return True
        events = list(filter(turn.matches, window.events))
        if not events or before(events[0].position) != held.after:
            # The event that failed was removed, or the changed filter excludes it. The next one has not been tried.
            held.attempt, held.errors = 0, []
        # An event that failed before is sent alone, so that others do not fail with it.
        sent = events[: 1 if held.attempt or turn.is_probe else turn.builder.in_one_frame(events)]
        until = sent[-1].position if sent else window.reached
        turn.report_removed(window, held.after, until, since=held.removals, stream=stream)
        if not sent:
            held.after = window.reached
            if window.at_end and group.place >= group.high_watermark:
                self._rejoin(stream, held)
            return not window.at_end
        frame = group.frame + 1
        held.after = before(sent[0].position)
        held.sent = [
            InFlightEvent(positioned.position, stream, positioned.event.sequence, held.removals, frame)
            for positioned in sent
        ]
        held.earlier, held.by_cursor = [event for event in held.earlier if event.position > sent[-1].position], False
        held.sent_at, held.frame = turn.step.stamp, frame
        reason = held.errors[-1] if held.errors else None
        turn.builder.add_again(sent, held.attempt + 1, turn.address(), reason=reason)
        group.frame = frame
        return False

    def _rejoin(self, stream: StreamName, held: Held) -> None:
        """Let a held stream that has caught up continue with the other streams.

        The owner drops events of the stream until it is notified, for they may have been sent before the stream was
        held.
        """
        turn, group = self._turn, self._turn.group
        del group.held[stream]
        if group.flight and group.flight[0].position < held.after:
            # If the group goes back to its events in flight, it skips events of this stream that were handled.
            group.settled[stream] = InFlightEvent(held.after, stream, 0)
        turn.builder.add_caught_up(stream, turn.address())
        group.frame += 1
