"""What an owner says that it has handled, in time or late: late words count until the event has been sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.groups.losses import acknowledged
from eventstore.groups.state import Held
from eventstore.groups.step import before

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.groups.state import InFlightEvent, Parked
    from eventstore.groups.step import Step
    from eventstore.positions import Position

__all__ = ["acknowledge_stream", "acknowledge_up_to"]


def acknowledge_up_to(step: Step, position: Position, frame: int) -> None:
    """All that was sent up to a place is handled, but for streams of which an event failed.

    What was sent in a later frame than the one that gave the place is not: a group may have gone back in between.
    """
    group = step.group

    def is_handled(spot: InFlightEvent) -> bool:
        return spot.frame <= frame if frame and spot.frame else spot.position <= position

    group.losses = acknowledged(group.losses, position, frame)
    _leave_flight(step, lambda spot: not is_handled(spot))
    for held in group.held.values():
        if held.by_cursor:
            _settle(step, held, is_handled)
    for stream, parked in list(group.parked.items()):
        if parked.by_cursor:
            _unpark(step, stream, parked, is_handled)


def acknowledge_stream(step: Step, stream: str, sequence: int) -> None:
    """All of a stream up to a sequence is handled, whether it is held or not."""
    group = step.group

    def is_handled(spot: InFlightEvent) -> bool:
        return spot.stream == stream and spot.sequence <= sequence

    handled = [spot for spot in group.flight if is_handled(spot)]
    if handled:
        group.settled[stream] = handled[-1]
        _leave_flight(step, lambda spot: not is_handled(spot))
    if stream in group.held:
        _settle(step, group.held[stream], is_handled)
    elif stream in group.parked:
        _unpark(step, stream, group.parked[stream], is_handled)


def _leave_flight(step: Step, stays: Callable[[InFlightEvent], bool]) -> None:
    group = step.group
    left = [spot for spot in group.flight if stays(spot)]
    if len(left) == len(group.flight):
        return
    group.probe_remaining, group.owner_losses = max(group.probe_remaining - len(group.flight) + len(left), 0), 0
    group.flight = left
    # Behind the first event in flight, to which the group may go back, they would be read, and sent, again.
    first = min(left[0].position, group.place) if left else group.place
    group.settled = {name: spot for name, spot in group.settled.items() if spot.position > first}


def _settle(step: Step, held: Held, is_handled: Callable[[InFlightEvent], bool]) -> None:
    """Let a held stream go on behind the last event that is handled; its next one was not tried."""
    under_way = sorted((*held.earlier, *held.sent))
    handled = [spot for spot in under_way if spot.position > held.at and is_handled(spot)]
    if not handled:
        return
    held.at = handled[-1].position
    held.sent = [spot for spot in held.sent if spot.position > held.at]
    held.earlier = [spot for spot in held.earlier if spot.position > held.at]
    held.sent_at, held.attempt, held.errors, held.due = step.stamp, 0, [], step.now
    if held.earlier and held.by_cursor:
        # The owner is still at these, and has not said that one failed.
        held.due = step.stamp + step.rules.ack_deadline


def _unpark(step: Step, stream: str, parked: Parked, is_handled: Callable[[InFlightEvent], bool]) -> None:
    """Let a stream go on whose event was handled after all, by who was thought to be silent."""
    if not any(spot.position >= parked.event and is_handled(spot) for spot in parked.earlier):
        return
    held = Held(before(parked.event), 0, step.now, removals=parked.removals)
    held.earlier, held.by_cursor = parked.earlier, parked.by_cursor
    del step.group.parked[stream]
    step.group.held[stream] = held
    _settle(step, held, is_handled)
