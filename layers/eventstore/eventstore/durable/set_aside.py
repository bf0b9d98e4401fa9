"""What a durable subscription has set aside: streams that are tried again, and streams that are parked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.cloudevents.event import rfc3339
from eventstore.groups import Held, InFlightEvent, before
from eventstore.ports import DeadLetter

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from eventstore.durable.turn import GroupTurn
    from eventstore.frames.builder import PositionedEvent
    from eventstore.groups import Parked
    from eventstore.positions import Position

__all__ = ["Aside"]

_LETTERS = 50
"""Events that a turn copies to the dead letter queue for one group: some 10 ms each, for they are sent one by one."""

_HELD_AT_ONCE = 10
_STREAMS = 20
"""How many held and how many parked streams of a group a turn goes on with; of a held one it sends one frame."""


class Aside:
    """The held and the parked streams of a group, in one turn."""

    def __init__(self, at: GroupTurn) -> None:
        self._at = at

    @property
    def can_go_on(self) -> bool:
        """Whether a stream that is held or parked could go on."""
        return bool(self._held_due() or self._to_copy() or self._to_match())

    def send_held(self) -> bool:
        """Go on with streams of which an event failed; whether more could be done at once."""
        more, due_now = False, self._held_due()
        for stream, held in due_now[:_STREAMS]:
            more = self._send_stream(stream, held) or more
        return more or len(due_now) > _STREAMS

    def park(self) -> tuple[list[DeadLetter], bool]:
        """What the dead letter queue has yet to be given; whether there is more than that."""
        letters: list[DeadLetter] = []
        waiting = self._to_copy()
        left = len(waiting) > _STREAMS
        room = _LETTERS
        for stream, parked in waiting[:_STREAMS]:
            if not room:
                return letters, True
            window = self._at.read(parked.copied, self._at.group.place, count=room, stream=stream)
            room -= len(window.events)
            parked.copied = window.reached
            left = left or not window.at_end
            copied = [self._letter(placed, stream, parked) for placed in window.events if self._at.wants(placed)]
            parked.letters += len(copied)
            letters += copied
        return letters, left

    def release_unwanted(self) -> bool:
        """Let parked streams go on whose failed event another filter leaves out; whether there are more to look at."""
        group = self._at.group
        waiting = self._to_match()
        for stream, parked in waiting[:_STREAMS]:
            window = self._at.read(before(parked.event), parked.event, count=1, stream=stream)
            # One that was removed meanwhile is told of when the stream goes on.
            if any(map(self._at.wants, window.events)) or not window.events:
                parked.version = group.version
            else:
                del group.parked[stream]
                group.held[stream] = Held(before(parked.event), 0, self._at.step.now, removals=parked.removals)
        return len(waiting) > _STREAMS

    def pass_parked(self, streams: AbstractSet[str], reached: Position) -> None:
        """What is parked and has nothing new needs no reading: others do not wait for it."""
        group = self._at.group
        for stream, parked in group.parked.items():
            if parked.copied >= group.place and stream not in streams:
                parked.copied = reached

    def _held_due(self) -> list[tuple[str, Held]]:
        if not self._at.may_send:
            return []
        group, now = self._at.group, self._at.step.now
        return [(stream, held) for stream, held in group.held.items() if held.due <= now and held.waits(group.place)]

    def _to_copy(self) -> list[tuple[str, Parked]]:
        group = self._at.group
        return [(stream, parked) for stream, parked in group.parked.items() if parked.copied < group.place]

    def _to_match(self) -> list[tuple[str, Parked]]:
        group = self._at.group
        return [(stream, parked) for stream, parked in group.parked.items() if parked.version < group.version]

    def _send_stream(self, stream: str, held: Held) -> bool:
        at, group = self._at, self._at.group
        window = at.read(held.after, group.place, count=_HELD_AT_ONCE, stream=stream)
        wanted = list(filter(at.wants, window.events))
        if not wanted or before(wanted[0].position) != held.after:
            # What failed is gone, by removal or by another filter: what comes next was not tried.
            held.attempt, held.errors = 0, []
        # One that failed before goes alone, so that others do not fail with it.
        sent = wanted[: 1 if held.attempt else at.builder.in_one_frame(wanted)]
        until = sent[-1].position if sent else window.reached
        at.tell_removed(window, held.after, until, since=held.removals, stream=stream)
        if not sent:
            held.after = window.reached
            if window.at_end and group.place >= group.high_watermark:
                # It has caught up: what comes now goes with all other streams. The owner drops what it gets of the
                # stream until it is told so, for that may have been sent before the stream was held.
                del group.held[stream]
                if group.flight and group.flight[0].position < held.after:
                    # Who goes back to what is in flight passes over what was handled of this stream, or dropped.
                    group.settled[stream] = InFlightEvent(held.after, stream, 0)
                at.builder.add_caught_up(stream, at.address())
                group.frame += 1
            return not window.at_end
        held.after = before(sent[0].position)
        held.sent = [InFlightEvent(p.position, stream, p.event.sequence, held.removals, group.frame + 1) for p in sent]
        held.earlier, held.by_cursor = [spot for spot in held.earlier if spot.position > sent[-1].position], False
        held.sent_at, held.frame = at.step.stamp, group.frame + 1
        reason = held.errors[-1] if held.errors else None
        at.builder.add_again(sent, held.attempt + 1, at.address(), reason=reason)
        group.frame += 1
        return False

    def _letter(self, placed: PositionedEvent, stream: str, parked: Parked) -> DeadLetter:
        failed = placed.event.sequence == parked.sequence
        durable = self._at.durable
        return DeadLetter(
            subscription=durable.name,
            key=durable.key,
            stream=stream,
            sequence=placed.event.sequence,
            event=placed.event.encoded().decode(),
            attempts=parked.attempts if failed else 0,
            errors=tuple(parked.errors) if failed else (f"behind {parked.sequence}, which was parked",),
            since=rfc3339(parked.since),
        )
