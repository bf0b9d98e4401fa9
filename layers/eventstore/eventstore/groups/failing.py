"""Events that could not be handled: their streams are held, retried, and parked after the last attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.groups.backoff import pause_ms
from eventstore.groups.commands import LONGEST_REASON
from eventstore.groups.silence import note_silence
from eventstore.groups.state import Held, Parked
from eventstore.positions import before

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.groups.commands import Nack
    from eventstore.groups.state import InFlightEvent
    from eventstore.groups.step import Step
    from eventstore.streams import StreamName

__all__ = ["apply_deadlines", "fail", "hold", "retry"]

_ERRORS = 5

_EARLIER, _EARLIER_PARKED = 100, 10
"""The number of events of a stream whose late acknowledgements and nacks count. States are written as a whole."""


def fail(step: Step, nack: Nack) -> None:
    """Apply the owner's nack of an event.

    Nacks of one stream may overtake each other. The earliest failed event counts: a nack of a later event implied that
    the events before it were handled, and for this one that was wrong.

    Args:
        step: The group and its partition.
        nack: Changes nothing if its event is not known.
    """
    group, stream = step.group, nack.stream
    held, parked = group.held.get(stream), group.parked.get(stream)
    if held is not None:
        _fail_held(step, held, nack)
    elif parked is not None:
        _fail_parked(step, parked, nack)
    elif event := _nacked_event(group.flight, nack):
        hold(step, event, nack.reason, delay_ms=nack.delay_ms, park=nack.park, counts=_counts(step, nack))


def hold(
    step: Step,
    event: InFlightEvent,
    reason: str,
    *,
    delay_ms: int | None = None,
    park: bool = False,
    by_cursor: bool = False,
    counts: bool = True,
) -> None:
    """Hold the stream of an event that failed for the first time. The events of the stream before it are handled.

    Args:
        step: The group and its partition.
        event: The event that failed; it is in flight.
        reason: Why it failed.
        delay_ms: As in `Nack`.
        park: As in `Nack`.
        by_cursor: As in `Held`.
        counts: As in `Nack`.
    """
    group = step.group
    earlier = [in_flight for in_flight in group.flight if in_flight.stream == event.stream]
    index = earlier.index(event)
    first = max(0, min(index - _EARLIER // 2, len(earlier) - _EARLIER))
    group.flight = [in_flight for in_flight in group.flight if in_flight.stream != event.stream]
    group.settled.pop(event.stream, None)
    held = Held(before(event.position), 0, step.now, removals=event.removals)
    held.earlier, held.by_cursor = earlier[first : first + _EARLIER], by_cursor
    group.held[event.stream] = held
    retry(step, event.stream, held, event, reason, delay_ms=delay_ms, park=park, counts=counts)


def retry(
    step: Step,
    stream: StreamName,
    held: Held,
    event: InFlightEvent,
    reason: str,
    *,
    delay_ms: int | None = None,
    park: bool = False,
    counts: bool = True,
) -> None:
    """Count a failed attempt of an event of a held stream, and schedule its next attempt or park the stream.

    The events of the stream before it are handled.

    Args:
        step: The group and its partition.
        stream: The stream's name.
        held: The state of the held stream.
        event: The event that failed.
        reason: Why it failed.
        delay_ms: As in `Nack`.
        park: As in `Nack`.
        counts: As in `Nack`.
    """
    position = before(event.position)
    if position != held.after:
        held.after, held.attempt, held.errors = position, 0, []
    held.attempt += counts
    held.errors = [*held.errors, reason[:LONGEST_REASON]][-_ERRORS:]
    if held.sent:
        held.earlier, held.sent, held.by_cursor = held.sent, [], False
    _schedule(step, stream, held, event, delay_ms=delay_ms, park=park)


def apply_deadlines(step: Step) -> None:
    """Fail the events that a silent owner did not acknowledge in time: the first in flight, and each held stream's."""
    group, deadline = step.group, step.settings.ack_deadline_ms
    flight_is_overdue = bool(group.flight) and step.now >= group.heard + deadline
    overdue = [
        (stream, held)
        for stream, held in group.held.items()
        if held.sent and step.now >= max(held.sent_at, group.heard) + deadline
    ]
    if (flight_is_overdue or overdue) and not step.silent:
        step.needs_activity = True
        return
    if flight_is_overdue or overdue:
        note_silence(step)
    reason = f"not acknowledged within {deadline / 1000:g} s"
    for stream, held in overdue:
        retry(step, stream, held, held.sent[0], reason)
        held.silent = True
    if flight_is_overdue:
        first = group.flight[0]
        hold(step, first, reason, by_cursor=True)
        if first.stream in group.held:
            group.held[first.stream].silent = True
        group.heard = step.stamp


def _fail_held(step: Step, held: Held, nack: Nack) -> None:
    if (event := _nacked_event(held.sent, nack)) and not 0 < nack.frame < held.frame:
        counts = _counts(step, nack)
        retry(step, nack.stream, held, event, nack.reason, delay_ms=nack.delay_ms, park=nack.park, counts=counts)
    elif event := event or _nacked_event(held.earlier, nack):
        _fail_late(step, held, event, nack)


def _fail_late(step: Step, held: Held, event: InFlightEvent, nack: Nack) -> None:
    """Apply a nack of an event that was sent before its stream was held, or before the event was sent again."""
    reason = nack.reason[:LONGEST_REASON]
    if event.position <= held.after:
        # The nack of a later event overtook this one, and implied that this event was handled.
        held.after, held.attempt, held.errors = before(event.position), 1, [reason]
    elif before(event.position) == held.after and held.attempt:
        # The attempt was counted already, by the deadline or by the same nack. This only gives its reason.
        held.errors = [*held.errors[:-1], reason]
        if held.sent or not (held.by_cursor or nack.park):
            return
    elif held.by_cursor:
        # The owner was silent, and is active after all: the events before the failed one are handled.
        held.after, held.attempt, held.errors = before(event.position), 1, [reason]
    else:
        return
    held.by_cursor = False
    _schedule(step, nack.stream, held, event, delay_ms=nack.delay_ms, park=nack.park)


def _fail_parked(step: Step, parked: Parked, nack: Nack) -> None:
    event = _nacked_event(parked.earlier, nack)
    if event is None:
        return
    if event.position == parked.event:
        parked.errors, parked.by_cursor = [*parked.errors[:-1], nack.reason[:LONGEST_REASON]], False
    elif event.position < parked.event or parked.by_cursor:
        # As in `_fail_late`: the event that was parked waits behind this one, or was handled.
        del step.group.parked[nack.stream]
        held = Held(before(event.position), 1, step.now, errors=[nack.reason[:LONGEST_REASON]])
        held.earlier, held.removals = parked.earlier, parked.removals
        step.group.held[nack.stream] = held
        _schedule(step, nack.stream, held, event, delay_ms=nack.delay_ms, park=nack.park)


def _schedule(
    step: Step, stream: StreamName, held: Held, event: InFlightEvent, *, delay_ms: int | None, park: bool
) -> None:
    """Set when the failed event is tried again, or park its stream if no attempt is left or `park` asks for it."""
    group = step.group
    if not park and held.attempt < step.settings.max_attempts:
        if delay_ms is None:
            delay_ms = pause_ms(step.key, stream, event.sequence, max(held.attempt, 1))
        held.due = step.stamp + delay_ms
        return
    del group.held[stream]
    parked = Parked(event.position, held.after, event.sequence, held.attempt, held.errors, step.now)
    index = next((i for i, earlier in enumerate(held.earlier) if earlier.position >= event.position), 0)
    parked.earlier = held.earlier[max(0, index - _EARLIER_PARKED // 2) :][:_EARLIER_PARKED]
    parked.by_cursor, parked.removals, parked.version = held.by_cursor, held.removals, group.version
    group.parked[stream] = parked


def _counts(step: Step, nack: Nack) -> bool:
    # While the target is known to be away, an event that finds it away has not been tried.
    return nack.counts and not step.group.circuit.is_open


def _nacked_event(events: Sequence[InFlightEvent], nack: Nack) -> InFlightEvent | None:
    return next((event for event in events if (event.stream, event.sequence) == (nack.stream, nack.sequence)), None)
