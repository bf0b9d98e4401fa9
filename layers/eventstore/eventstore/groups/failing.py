"""Events that could not be handled: their streams are held, tried again, and parked in the end."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from eventstore.groups.commands import LONGEST_REASON
from eventstore.groups.state import Held, Parked
from eventstore.groups.step import before

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.groups.commands import Nack
    from eventstore.groups.state import InFlightEvent
    from eventstore.groups.step import Step

__all__ = ["fail", "hold", "pass_deadlines", "retry"]

_ERRORS = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 1000, 60_000

_EARLIER, _EARLIER_PARKED = 100, 10
"""Events of a stream whose late words count; states are written whole."""


def fail(step: Step, nack: Nack) -> None:
    """An event failed, by its owner's word.

    Words about a stream may overtake each other. The earliest event that failed is the one that counts: what a later
    one's nack took for handled was not.
    """
    group, stream = step.group, nack.stream
    held, parked = group.held.get(stream), group.parked.get(stream)
    if held is not None:
        _fail_held(step, held, nack)
    elif parked is not None:
        _fail_parked(step, parked, nack)
    elif spot := _spot(group.flight, nack):
        hold(step, spot, nack.reason, delay=nack.delay, park=nack.park)


def hold(
    step: Step,
    spot: InFlightEvent,
    reason: str,
    *,
    delay: int | None = None,
    park: bool = False,
    by_cursor: bool = False,
) -> None:
    """Take a stream out of the flight, at an event that failed for the first time; those before it are handled.

    `delay` and `park` are as in `Nack`, `by_cursor` as in `Held`.
    """
    group = step.group
    earlier = [one for one in group.flight if one.stream == spot.stream]
    at = earlier.index(spot)
    first = max(0, min(at - _EARLIER // 2, len(earlier) - _EARLIER))
    group.flight = [one for one in group.flight if one.stream != spot.stream]
    group.settled.pop(spot.stream, None)
    held = Held(before(spot.position), 0, step.now, removals=spot.removals)
    held.earlier, held.by_cursor = earlier[first : first + _EARLIER], by_cursor
    group.held[spot.stream] = held
    retry(step, spot.stream, held, spot, reason, delay=delay, park=park)


def retry(
    step: Step,
    stream: str,
    held: Held,
    spot: InFlightEvent,
    reason: str,
    *,
    delay: int | None = None,
    park: bool = False,
) -> None:
    """Let the event of a held stream that failed once more come again, or park it; those before it are handled."""
    place = before(spot.position)
    if place != held.at:
        held.at, held.attempt, held.errors = place, 0, []
    held.attempt += 1
    held.errors = [*held.errors, reason[:LONGEST_REASON]][-_ERRORS:]
    if held.sent:
        held.earlier, held.sent, held.by_cursor = held.sent, [], False
    _schedule(step, stream, held, spot, delay=delay, park=park)


def pass_deadlines(step: Step) -> None:
    """What a silent owner was sent has failed: of what is in flight the first, and of each held stream."""
    group, deadline = step.group, step.rules.ack_deadline
    is_over = bool(group.flight) and step.now >= group.heard + deadline
    silent = [
        (stream, held)
        for stream, held in group.held.items()
        if held.sent and step.now >= max(held.sent_at, group.heard) + deadline
    ]
    if (is_over or silent) and not step.silent:
        step.needs_activity = True
        return
    reason = f"not acknowledged within {deadline / 1000:g} s"
    for stream, held in silent:
        retry(step, stream, held, held.sent[0], reason)
        held.silent = True
    if is_over:
        first = group.flight[0]
        hold(step, first, reason, by_cursor=True)
        if first.stream in group.held:
            group.held[first.stream].silent = True
        group.heard = step.stamp


def _fail_held(step: Step, held: Held, nack: Nack) -> None:
    if (spot := _spot(held.sent, nack)) and not 0 < nack.frame < held.frame:
        retry(step, nack.stream, held, spot, nack.reason, delay=nack.delay, park=nack.park)
    elif spot := spot or _spot(held.earlier, nack):
        _fail_late(step, held, spot, nack)


def _fail_late(step: Step, held: Held, spot: InFlightEvent, nack: Nack) -> None:
    """A word about an event that was sent before its stream was held, or before it was sent again."""
    reason = nack.reason[:LONGEST_REASON]
    if spot.position <= held.at:
        # Its nack was overtaken by a later event's, which took it for handled.
        held.at, held.attempt, held.errors = before(spot.position), 1, [reason]
    elif before(spot.position) == held.at and held.attempt:
        # It has failed already, in silence or by the same word: this is why, and no other attempt.
        held.errors = [*held.errors[:-1], reason]
        if held.sent or not (held.by_cursor or nack.park):
            return
    elif held.by_cursor:
        # Its owner was silent, and works: what lies before the event is handled.
        held.at, held.attempt, held.errors = before(spot.position), 1, [reason]
    else:
        return
    held.by_cursor = False
    _schedule(step, nack.stream, held, spot, delay=nack.delay, park=nack.park)


def _fail_parked(step: Step, parked: Parked, nack: Nack) -> None:
    spot = _spot(parked.earlier, nack)
    if spot is None:
        return
    if spot.position == parked.event:
        parked.errors, parked.by_cursor = [*parked.errors[:-1], nack.reason[:LONGEST_REASON]], False
    elif spot.position < parked.event or parked.by_cursor:
        # As in `_fail_late`: what was parked waits behind it, or is handled.
        del step.group.parked[nack.stream]
        held = Held(before(spot.position), 1, step.now, errors=[nack.reason[:LONGEST_REASON]])
        held.earlier, held.removals = parked.earlier, parked.removals
        step.group.held[nack.stream] = held
        _schedule(step, nack.stream, held, spot, delay=nack.delay, park=nack.park)


def _schedule(step: Step, stream: str, held: Held, spot: InFlightEvent, *, delay: int | None, park: bool) -> None:
    """Say when the event that failed is tried again, or park it if that is not to be."""
    group = step.group
    if not park and held.attempt < step.rules.max_attempts:
        held.due = step.stamp + (_pause(step.key, stream, spot.sequence, held.attempt) if delay is None else delay)
        return
    del group.held[stream]
    parked = Parked(spot.position, held.at, spot.sequence, held.attempt, held.errors, step.now)
    at = next((index for index, one in enumerate(held.earlier) if one.position >= spot.position), 0)
    parked.earlier = held.earlier[max(0, at - _EARLIER_PARKED // 2) :][:_EARLIER_PARKED]
    parked.by_cursor, parked.removals, parked.version = held.by_cursor, held.removals, group.version
    group.parked[stream] = parked


def _spot(spots: Sequence[InFlightEvent], nack: Nack) -> InFlightEvent | None:
    return next((spot for spot in spots if (spot.stream, spot.sequence) == (nack.stream, nack.sequence)), None)


def _pause(key: str, stream: str, sequence: int, attempt: int) -> int:
    """Twice as long each time, and up to a half more or less; drawn from what fails, so a second try draws the same."""
    pause = min(_FIRST_PAUSE << (attempt - 1), _LONGEST_PAUSE)
    drawn = blake2b(f"{key}\0{stream}\0{sequence}\0{attempt}".encode(), digest_size=2).digest()
    return pause // 2 + pause * int.from_bytes(drawn) // 0xFFFF
