"""A turn's work for durable subscriptions: what each group gets, and what is set aside."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from eventstore.durable.set_aside import Aside
from eventstore.durable.turn import GroupTurn
from eventstore.frames.budget import fitting
from eventstore.frames.frame import Address, Kind
from eventstore.groups import Ack, Change, Group, InFlightEvent, Member, Step, apply, apply_timeouts, due
from eventstore.subscriptions import Durable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.frames.builder import DeliveryBuilder, PositionedEvent
    from eventstore.groups import Command
    from eventstore.ports import DeadLetter, Log, Turn

__all__ = ["Inquiry", "Served", "serve"]

_AT_ONCE = 200
"""Events that a turn reads for one group."""

_BYTES = 2 * 1024 * 1024
"""Of new events that a turn sends to one group, give or take one event."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A deadline has passed; it counts only if the owner shows nowhere else that it works.

    Attributes:
        owner: Of the partition.
        heard: When the group last heard of it, in milliseconds since 1970.
    """

    owner: Member
    heard: int


@dataclass(frozen=True, slots=True)
class Served:
    """What a turn did for a group.

    Attributes:
        durable: What it is now, which a command may have changed.
        state: Where the group stands now (`Group.encoded`).
        letters: What is to go to the dead letter queue before that is written down.
        due: When it needs a turn though nothing is published; None if it does not.
        more: Whether it could go on at once.
        inquiry: What is to be found out about the owner before its next turn.
    """

    durable: Durable
    state: str
    letters: Sequence[DeadLetter]
    due: int | None
    more: bool
    inquiry: Inquiry | None = None


def serve(
    log: Log, turn: Turn, durable: Durable, group: Group, *, commands: Sequence[Command], builder: DeliveryBuilder
) -> Served:
    """Take in what was asked, and send what may be sent. It depends on the turn alone: a second try does the same.

    The group is given as it stands when the turn begins, and is moved.
    """
    step = Step(group, durable.rules, durable.key, turn.partition, turn.now, turn.removals, stamp=turn.stamp)
    changed = False
    for command in commands:
        if isinstance(command, Change) and command.version > group.version:
            durable, changed = Durable.decoded(command.definition), True
            step.rules = durable.rules
        # A place in a history that was lost says nothing of this one: what stands there now was not handled.
        if not isinstance(command, Ack) or command.epoch in {"", turn.epoch}:
            apply(step, command)
    if group.frame_offset != turn.frame_offset:
        # Under the numbers that an earlier try may have sent something else would stand now: they go on far from there.
        group.frame += turn.frame_offset - group.frame_offset
        group.frame_offset, group.owner = turn.frame_offset, None
    apply_timeouts(step)
    at = GroupTurn(log, turn, durable, step, builder)
    _notify(at, changed=changed)
    letters: list[DeadLetter] = []
    was_full, aside = group.full, Aside(at)
    more = aside.release_unwanted()
    has_sent, can_send = _send_new(at, aside)
    more = can_send or more
    # What is set aside is the trouble of a few streams, for which the events of all others do not wait: it has the next
    # turn, and that one even if there is something new again.
    group.yielded = has_sent and aside.can_go_on and not group.yielded
    if not group.yielded:
        more = aside.send_held() or more
        letters, left = aside.park()
        more = more or left
    if was_full and not group.full:
        # What was not taken may be now.
        more = more or group.place < turn.target
    inquiry = Inquiry(group.owner, group.heard) if step.needs_activity and group.owner else None
    return Served(durable, group.encoded(), letters, due(step), more or group.yielded, inquiry)


def _notify(at: GroupTurn, *, changed: bool) -> None:
    """Tell members whom the partition belongs to, by which rules, and what is missing."""
    group = at.group
    for told in at.step.notifications:
        address = Address(told.member.connection, told.member.id, told.frame, 0)
        if told.kind == Kind.OWNED:
            place = group.flight[0].position if group.flight else group.place
            at.builder.add_owned(place, address, ack_deadline=at.durable.rules.ack_deadline)
        else:
            at.builder.add_revoked(address)
    if changed and group.owner is not None:
        rules = {"version": at.durable.version, "ack_deadline": at.durable.rules.ack_deadline / 1000}
        about = {"type": "changed", "id": group.owner.id, "subscription": at.durable.name, **rules}
        at.builder.add_text(json.dumps(about, separators=(",", ":")), Address(*group.owner, 0, 0))
    if at.may_send:
        at.tell_losses()


def _send_new(at: GroupTurn, aside: Aside) -> tuple[bool, bool]:
    """Send what comes next in the log, as much as may be in flight; whether any was, and whether more could be."""
    group, turn = at.group, at.turn
    room = (1 if group.probe_remaining else at.durable.rules.max_in_flight) - len(group.flight)
    # One that is full sends again what was in flight, and what is held may be behind that.
    target = min(turn.target, group.end_of_old) if group.full else turn.target
    if not at.may_send or room <= 0 or group.place >= target:
        return False, False
    window = at.read(group.place, target, count=_AT_ONCE)
    reached, at_end = window.reached, window.at_end
    # One more than there is room for says whether there is more.
    wanted = list(islice((placed for placed in window.events if _is_new(at, placed)), room + 1))
    taken = wanted[: min(room, fitting([len(placed.event.body) for placed in wanted], _BYTES))]
    if len(taken) < len(wanted):
        # Where no room is left, the rest has to wait for acknowledgements.
        reached, at_end = taken[-1].position, len(taken) == room
    at.tell_removed(window, group.place, reached, since=group.removals)
    if reached >= turn.target and not (turn.has_more or turn.is_retry):
        # What was removed by the time that the turn began lies before its target, unless the log went on behind that,
        # or the target is of an earlier try.
        group.removals = max(group.removals, turn.removals)
    aside.pass_parked({placed.event.stream for placed in window.events}, reached)
    group.place = reached
    if taken:
        if not group.flight:
            group.heard = at.step.stamp
        resent = [placed for placed in taken if placed.position <= group.high_watermark]
        frames: list[int] = []
        for sent, again in ((resent, True), (taken[len(resent) :], False)):
            for count in at.builder.add_to_member(sent, at.address(), resent=again):
                group.frame += 1
                frames += [group.frame] * count
        group.flight += [
            InFlightEvent(placed.position, placed.event.stream, placed.event.sequence, window.removals, frame)
            for placed, frame in zip(taken, frames, strict=True)
        ]
        group.high_watermark = max(group.high_watermark, taken[-1].position)
    return bool(taken), not at_end


def _is_new(at: GroupTurn, placed: PositionedEvent) -> bool:
    """Whether an event is wanted, its stream not set aside, and it was not handled out of the log's order."""
    group, stream = at.group, placed.event.stream
    if not at.wants(placed) or stream in group.held or stream in group.parked:
        return False
    return stream not in group.settled or placed.position > group.settled[stream].position
