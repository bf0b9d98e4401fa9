"""What changes a group: commands, the passing of time, and due times. The caller reads the log and sends the frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.groups.acknowledging import acknowledge_stream, acknowledge_up_to
from eventstore.groups.commands import (
    Ack,
    AckStream,
    Change,
    Heard,
    Join,
    Leave,
    Nack,
    Pushed,
    Redrive,
    Release,
    Replay,
    Silence,
)
from eventstore.groups.failing import apply_deadlines, fail
from eventstore.groups.rebalancing import grant, lose_owner, notify, owner_of, release_owner
from eventstore.groups.silence import forget_silences, preferred_members
from eventstore.groups.state import Held, Member
from eventstore.groups.step import owns
from eventstore.groups.target import apply_pushed, dismiss, is_outstanding, take_over
from eventstore.positions import before

if TYPE_CHECKING:
    from eventstore.groups.commands import Command
    from eventstore.groups.step import Step
    from eventstore.streams import StreamName

__all__ = ["apply", "apply_timeouts", "due"]


def apply(step: Step, command: Command) -> None:
    """Apply a command to the group.

    A command of a member that is not the owner, or one that was applied before, changes nothing.

    Args:
        step: The group and its partition.
        command: The command of a member or an operator.
    """
    match command:
        case Join(connection, own_id):
            if all(member.connection != connection for member in step.group.members):
                step.group.members.append(Member(connection, own_id))
        case Leave(connection, orderly):
            step.group.members = [member for member in step.group.members if member.connection != connection]
            forget_silences(step.group, connection)
            if orderly and owns(step.group, connection):
                release_owner(step)
        case Redrive(stream, how) if stream in step.group.parked:
            _redrive(step, stream, how)
        case Replay():
            _replay(step, command)
        case Change(version, _) if version > step.group.version:
            # A deadline that has become shorter is counted from now.
            step.group.version, step.group.heard = version, max(step.group.heard, step.stamp)
        case Join() | Redrive() | Change():
            pass
        case _ if owns(step.group, command.connection):
            _apply_owner_command(step, command)
        case _:
            pass


def _apply_owner_command(step: Step, command: Command) -> None:
    """Apply a command of the owner, or one about its activity."""
    group = step.group
    if isinstance(command, Ack | AckStream | Nack | Pushed):
        group.heard = step.stamp
        forget_silences(group, command.connection)
        for held in group.held.values():
            held.silent = False
        if 0 < command.frame < group.granted:
            return
        _apply_report(step, command)
        return
    match command:
        case Release(_, frame) if group.revoked and frame in {0, group.frame}:
            group.owner = None
        case Heard(connection, active_at):
            forget_silences(group, connection)
            group.heard = max(group.heard, min(active_at, step.stamp))
        case Silence(_, heard) if heard == group.heard:
            step.silent = True
        case _:
            pass


def _apply_report(step: Step, command: Ack | AckStream | Nack | Pushed) -> None:
    """Apply what the owner reports of events that it was sent."""
    match command:
        case Ack(_, position, _, frame):
            acknowledge_up_to(step, position, frame)
        case AckStream(_, stream, sequence):
            acknowledge_stream(step, stream, sequence)
        case Nack():
            fail(step, command)
        case Pushed():
            apply_pushed(step, command)


def apply_timeouts(step: Step) -> None:
    """Apply the passing of time: expire deadlines, and grant or revoke the partition."""
    group, settings = step.group, step.settings
    if step.has_target:
        take_over(step)
        return
    dismiss(step)
    if group.owner is not None and group.owner not in group.members:
        lose_owner(step)
    if group.owner is not None and group.revoked:
        # Events that it does not finish are sent again anyway. It must release the partition even if it is chosen
        # again meanwhile.
        if step.now >= max(group.revoked, group.heard) + settings.ack_deadline_ms:
            if step.silent:
                group.owner = None
            else:
                step.needs_activity = True
    elif group.owner is not None:
        if step.regrant:
            grant(step, group.owner)
        apply_deadlines(step)
        if group.owner != _chosen(step):
            group.revoked = step.stamp
            notify(step, "revoked")
    if group.owner is None and (chosen := _chosen(step)) is not None:
        grant(step, chosen)


def _chosen(step: Step) -> Member | None:
    """Return the member that is to own the partition."""
    return owner_of(preferred_members(step), step.key, step.partition)


def due(step: Step) -> int | None:
    """Return when the group needs a turn even if nothing is published, in milliseconds since 1970; None if never."""
    group, deadline = step.group, step.settings.ack_deadline_ms
    if group.owner is None:
        return None
    if group.revoked:
        return max(group.revoked, group.heard) + deadline
    times = [group.heard + deadline] if group.flight else []
    times += [max(held.sent_at, group.heard) + deadline for held in group.held.values() if held.sent]
    if not (step.has_target and is_outstanding(step)):
        # The results of a round come by themselves, and nothing is pushed before.
        times += [max(held.due, group.circuit.until) for held in group.held.values() if held.waits(group.place)]
    times += [group.circuit.until] if group.circuit.until > step.now else []
    return min(times, default=None)


def _replay(step: Step, replay: Replay) -> None:
    group = step.group
    group.place = group.high_watermark = replay.position
    group.flight, group.held, group.parked, group.settled, group.losses = [], {}, {}, {}, []
    group.probe_remaining = group.owner_losses = 0
    group.removals = step.removals if replay.from_oldest else replay.removals
    # The owner must not drop or acknowledge anything because of frames that it was sent before.
    step.regrant = True


def _redrive(step: Step, stream: StreamName, how: str) -> None:
    parked = step.group.parked[stream]
    if parked.copied < parked.event:
        # The dead letter queue does not have the event yet, so no operator can have seen it: the command was meant for
        # what was parked before.
        return
    positions = {"start": before(parked.event), "skip": parked.event, "drop": parked.copied}
    del step.group.parked[stream]
    # The owner drops events of the stream until a frame names the stream, as every frame of a held stream does.
    step.group.held[stream] = Held(positions[how], 0, step.now, removals=parked.removals)
