"""A turn's work for durable subscriptions: applying commands and timeouts, and sending what each group may receive."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from eventstore.durable.pushing import MOST_PUSHED, PushBuilder
from eventstore.durable.set_aside import SetAsideStreams
from eventstore.durable.turn import GroupTurn
from eventstore.frames.budget import fitting
from eventstore.frames.frame import Address, Kind
from eventstore.groups import (
    PUSH_LOST_MS,
    TARGET,
    Ack,
    Change,
    Group,
    InFlightEvent,
    Member,
    Step,
    apply,
    apply_timeouts,
    due,
    is_outstanding,
    is_resting,
)
from eventstore.subscriptions import Durable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.frames.builder import DeliveryBuilder
    from eventstore.frames.positioned import PositionedEvent
    from eventstore.frames.pushes import Push
    from eventstore.groups import Command
    from eventstore.ports import DeadLetter, Log, Turn
    from eventstore.read.window import Window

__all__ = ["ActivityCheck", "Served", "serve"]

_EVENTS = 200
"""The number of events that a turn reads for one group."""

_PROBED = 3
"""The number of held streams from which on only held ones are tried while a target is away."""

_BYTES = 2 * 1024 * 1024
"""The size of the new events that a turn sends to one group, give or take one event."""


@dataclass(frozen=True, slots=True)
class ActivityCheck:
    """A deadline has passed. It counts only if the owner is not active in another partition either.

    For a target: pushes of earlier turns have no result yet. They are made again only if they were lost.

    Attributes:
        owner: The owner of the partition.
        heard: When the owner was last active in this partition, in milliseconds since 1970.
    """

    owner: Member
    heard: int


@dataclass(frozen=True, slots=True)
class Served:
    """The result of a turn for one group.

    Attributes:
        durable: The subscription, which a command may have changed.
        group: Its group as the turn leaves it.
        letters: The events to send to the dead letter queue before the state is committed.
        due: When the group needs a turn even if nothing is published, in milliseconds since 1970; None if never.
        more: Whether the group has more to do right away.
        activity_check: What the group's next turn must know about its owner.
        pushes: What is pushed to its target.
        missing: What was removed before it could be pushed (`missing_json`).
        is_unchanged: Whether the turn did nothing for the group.
        only_pushed: Whether it did nothing but push events.
    """

    durable: Durable
    group: Group
    letters: Sequence[DeadLetter]
    due: int | None
    more: bool
    activity_check: ActivityCheck | None = None
    pushes: Sequence[Push] = ()
    missing: Sequence[str] = ()
    is_unchanged: bool = False
    only_pushed: bool = False


def serve(
    log: Log,
    turn: Turn,
    durable: Durable,
    group: Group,
    *,
    commands: Sequence[Command],
    builder: DeliveryBuilder,
    pusher: Member = TARGET,
) -> Served:
    """Apply commands to a group, and send the events that it may receive.

    The result depends on the turn alone, so that a retry of the turn does the same.

    Args:
        log: The log that the turn reads.
        turn: The turn of the partition.
        durable: The subscription.
        group: The state of its group when the turn begins; it is changed.
        commands: The commands for the group, in order.
        builder: Gathers the frames of members.
        pusher: As in `Step`.
    """
    step = Step(group, durable.settings, durable.key, turn.partition, turn.now, turn.removals, stamp=turn.stamp)
    is_changed = False
    for command in commands:
        if isinstance(command, Change) and command.version > group.version:
            durable, is_changed = Durable.decoded(command.definition), True
            step.settings = durable.settings
        # A position of an earlier epoch belongs to a history that was lost: the events there now were not handled.
        if not isinstance(command, Ack) or command.epoch in {"", turn.epoch}:
            apply(step, command)
    if group.frame_offset != turn.frame_offset:
        # An earlier try may have sent other frames under the next numbers. So the numbers continue far behind them.
        group.frame += turn.frame_offset - group.frame_offset
        group.frame_offset, group.owner = turn.frame_offset, None
    pushes = None
    if durable.target is not None:
        step.has_target, step.pusher = True, pusher
        step.settings = replace(durable.settings, ack_deadline_ms=PUSH_LOST_MS)
        pushes = PushBuilder(durable, durable.target, turn.partition, turn.epoch, builder.events_url)
    may_be_unchanged = step.has_target and not commands and is_resting(step)
    apply_timeouts(step)
    group_turn = GroupTurn(log, turn, durable, step, pushes or builder)
    set_aside = SetAsideStreams(group_turn)
    if may_be_unchanged and not set_aside.can_go_on:
        return Served(durable, group, [], due(step), more=False, activity_check=_push_check(step), is_unchanged=True)
    _notify(group_turn, is_changed=is_changed)
    letters: list[DeadLetter] = []
    was_full = group.full
    has_more = set_aside.release_unwanted()
    # With some streams held, one of them is tried before any other, so that a target that is away does not have ever
    # more of them held. With few, another one shows whether the target is away, or only these fail.
    is_probing_held = group_turn.is_probe and len(group.held) >= _PROBED and set_aside.has_held_due
    has_sent, can_send = (False, False) if is_probing_held else _send_new(group_turn, set_aside)
    has_more = can_send or has_more
    # Few streams are set aside, and the events of all others do not wait for them. They are handled in the next turn,
    # and in that one even if there are new events again. To a target they are pushed in one round.
    group.yielded = has_sent and set_aside.can_go_on and not group.yielded and not step.has_target
    if not group.yielded:
        has_more = set_aside.send_held() or has_more
        letters, has_letters = set_aside.park()
        has_more = has_more or has_letters
    if was_full and not group.full:
        # New events that were not sent while the group was full may be sent now.
        has_more = has_more or group.place < turn.goal
    check = ActivityCheck(group.owner, group.heard) if step.needs_activity and group.owner else None
    sent = Served(durable, group, letters, due(step), has_more or group.yielded, check)
    if pushes is None:
        return sent
    check = None if pushes.pushes else _push_check(step)
    only_pushed = bool(pushes.pushes) and not (commands or letters or pushes.missing)
    return replace(sent, activity_check=check, pushes=pushes.pushes, missing=pushes.missing, only_pushed=only_pushed)


def _push_check(step: Step) -> ActivityCheck | None:
    owner = step.group.owner
    return ActivityCheck(owner, step.group.heard) if owner is not None and is_outstanding(step) else None


def _notify(group_turn: GroupTurn, *, is_changed: bool) -> None:
    """Notify members of ownership, and the owner of a changed definition and of losses."""
    group, durable, builder = group_turn.group, group_turn.durable, group_turn.builder
    for notification in group_turn.step.notifications:
        address = Address(notification.member.connection, notification.member.id, notification.frame, 0)
        if notification.kind == Kind.OWNED:
            position = group.flight[0].position if group.flight else group.place
            builder.add_owned(position, address, ack_deadline_ms=durable.settings.ack_deadline_ms)
        else:
            builder.add_revoked(address)
    if is_changed and group.owner is not None:
        changed = {"version": durable.version, "ack_deadline": durable.settings.ack_deadline_ms / 1000}
        message = {"type": "changed", "id": group.owner.id, "subscription": durable.name, **changed}
        builder.add_text(json.dumps(message, separators=(",", ":")), Address(*group.owner, 0, 0))
    if group_turn.may_send:
        group_turn.report_losses()


def _send_new(group_turn: GroupTurn, set_aside: SetAsideStreams) -> tuple[bool, bool]:
    """Send the next events of the log, as many as may be in flight.

    Returns:
        Whether any event was sent, and whether more can be.
    """
    group, turn = group_turn.group, group_turn.turn
    room = (1 if group.probe_remaining or group_turn.is_probe else group_turn.durable.settings.max_in_flight) - len(
        group.flight
    )
    if group_turn.step.has_target:
        room = min(room, MOST_PUSHED)
    # A full group sends events again that were in flight, and held streams may be at later positions.
    goal = min(turn.goal, group.end_of_old) if group.full else turn.goal
    if not group_turn.may_send or room <= 0 or group.place >= goal:
        return False, False
    count = _to_read(group_turn, room)
    window = group_turn.read(group.place, goal, count=count)
    if not window.is_read:
        return False, True
    if count < _EVENTS and not window.at_end and not any(map(group_turn.matches, window.events)):
        # Events of a fork, which only those receive who name it: they are passed over like what a filter leaves out.
        window = group_turn.read(group.place, goal, count=_EVENTS)
        if not window.is_read:
            return False, True
    reached, at_end = window.reached, window.at_end
    # One more event than there is room for shows whether there are more.
    new = list(islice((positioned for positioned in window.events if _is_new(group_turn, positioned)), room + 1))
    sent = new[: min(room, fitting([len(positioned.event.body) for positioned in new], _BYTES))]
    if group_turn.step.has_target:
        sent = sent[: group_turn.builder.in_one_frame(sent)]
        room = len(sent)
    if len(sent) < len(new):
        # If no room is left, the rest waits for acknowledgements.
        reached, at_end = sent[-1].position, len(sent) == room
    group_turn.report_removed(window, group.place, reached, since=group.removals)
    if reached >= turn.goal and not (turn.has_more or turn.is_retry):
        # What was removed before the turn began lies before its goal, unless the log continues behind the goal, or
        # the goal is that of an earlier try.
        group.removals = max(group.removals, turn.removals)
    set_aside.pass_parked({positioned.event.stream for positioned in window.events}, reached)
    group.place = reached
    if sent:
        _add_to_flight(group_turn, window, sent)
    return bool(sent), not at_end


def _to_read(group_turn: GroupTurn, room: int) -> int:
    """Return how many events to read for new ones: one more than can be sent, where each that is read can be.

    Args:
        group_turn: The group and its turn.
        room: How many events may be sent.
    """
    group = group_turn.group
    if not group_turn.receives_all or group.held or group.parked or group.settled:
        return _EVENTS
    return min(_EVENTS, room + 1)


def _add_to_flight(group_turn: GroupTurn, window: Window, events: Sequence[PositionedEvent]) -> None:
    group = group_turn.group
    if not group.flight:
        group.heard = group_turn.step.stamp
    resent = [positioned for positioned in events if positioned.position <= group.high_watermark]
    frames: list[int] = []
    for part, is_resent in ((resent, True), (events[len(resent) :], False)):
        for count in group_turn.builder.add_to_member(part, group_turn.address(), resent=is_resent):
            group.frame += 1
            frames += [group.frame] * count
    group.flight += [
        InFlightEvent(positioned.position, positioned.event.stream, positioned.event.sequence, window.removals, frame)
        for positioned, frame in zip(events, frames, strict=True)
    ]
    group.high_watermark = max(group.high_watermark, events[-1].position)


def _is_new(group_turn: GroupTurn, positioned: PositionedEvent) -> bool:
    """Return whether an event matches, its stream is not set aside, and it was not handled out of the log's order."""
    group, stream = group_turn.group, positioned.event.stream
    if not group_turn.matches(positioned) or stream in group.held or stream in group.parked:
        return False
    return stream not in group.settled or positioned.position > group.settled[stream].position
