"""Acknowledgements of the owner, in time or late: a late one counts until its event has been sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.groups.losses import without_acknowledged
from eventstore.groups.state import Held
from eventstore.positions import before

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.groups.state import InFlightEvent, Parked
    from eventstore.groups.step import Step
    from eventstore.positions import Position
    from eventstore.streams import StreamName

__all__ = ["acknowledge_stream", "acknowledge_up_to"]


def acknowledge_up_to(step: Step, position: Position, frame: int) -> None:
    """Acknowledge all events that were sent up to a position, except those of streams of which an event failed.

    An event that was sent in a later frame than `frame` is not acknowledged: the group may have gone back in between.

    Args:
        step: The group and its partition.
        position: The position in the cursor that the owner sent.
        frame: The number of the frame that carried the cursor; 0 if it is not known.
    """
    group = step.group

    def is_handled(event: InFlightEvent) -> bool:
        return event.frame <= frame if frame and event.frame else event.position <= position

    group.losses = without_acknowledged(group.losses, position, frame)
    _remove_from_flight(step, is_handled)
    for held in group.held.values():
        if held.by_cursor:
            _settle(step, held, is_handled)
    for stream, parked in list(group.parked.items()):
        if parked.by_cursor:
            _unpark(step, stream, parked, is_handled)


def acknowledge_stream(step: Step, stream: StreamName, sequence: int) -> None:
    """Acknowledge all events of a stream up to a sequence, whether the stream is held or not.

    Args:
        step: The group and its partition.
        stream: The stream's name.
        sequence: The sequence of the last event that is acknowledged.
    """
    group = step.group

    def is_handled(event: InFlightEvent) -> bool:
        return event.stream == stream and event.sequence <= sequence

    handled = [event for event in group.flight if is_handled(event)]
    if handled:
        group.settled[stream] = handled[-1]
        _remove_from_flight(step, is_handled)
    if stream in group.held:
        _settle(step, group.held[stream], is_handled)
    elif stream in group.parked:
        _unpark(step, stream, group.parked[stream], is_handled)


def _remove_from_flight(step: Step, is_handled: Callable[[InFlightEvent], bool]) -> None:
    group = step.group
    remaining = [event for event in group.flight if not is_handled(event)]
    removed = len(group.flight) - len(remaining)
    if not removed:
        return
    group.probe_remaining, group.owner_losses = max(group.probe_remaining - removed, 0), 0
    group.flight = remaining
    # The group may go back to the first event in flight. Settled events behind that position would be read, and sent,
    # again, so these entries are kept.
    first = min(remaining[0].position, group.place) if remaining else group.place
    group.settled = {stream: event for stream, event in group.settled.items() if event.position > first}


def _settle(step: Step, held: Held, is_handled: Callable[[InFlightEvent], bool]) -> None:
    """Move a held stream behind its last handled event. The event after it has not been tried."""
    sent = sorted((*held.earlier, *held.sent))
    handled = [event for event in sent if event.position > held.after and is_handled(event)]
    if not handled:
        return
    held.after = handled[-1].position
    held.sent = [event for event in held.sent if event.position > held.after]
    held.earlier = [event for event in held.earlier if event.position > held.after]
    held.sent_at, held.attempt, held.errors, held.due = step.stamp, 0, [], step.now
    if held.earlier and held.by_cursor:
        # The owner still works on the earlier events, and has not reported that one failed.
        held.due = step.stamp + step.settings.ack_deadline_ms


def _unpark(step: Step, stream: StreamName, parked: Parked, is_handled: Callable[[InFlightEvent], bool]) -> None:
    """Hold a parked stream again if its failed event was handled after all, by an owner that was taken for silent."""
    if not any(event.position >= parked.event and is_handled(event) for event in parked.earlier):
        return
    held = Held(before(parked.event), 0, step.now, removals=parked.removals)
    held.earlier, held.by_cursor = parked.earlier, parked.by_cursor
    del step.group.parked[stream]
    step.group.held[stream] = held
    _settle(step, held, is_handled)
