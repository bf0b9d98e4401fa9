"""A target in place of members: it owns every partition, and a circuit tells whether it can be reached."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from eventstore.groups.commands import LONGEST_REASON
from eventstore.groups.rebalancing import grant, release_owner
from eventstore.groups.state import CLOSED, OPENS_AFTER, Circuit
from eventstore.groups.step import has_pusher

if TYPE_CHECKING:
    from eventstore.groups.commands import Pushed
    from eventstore.groups.step import Step

__all__ = ["PUSH_LOST_MS", "apply_pushed", "dismiss", "is_outstanding", "is_resting", "take_over"]

PUSH_LOST_MS = 900_000
"""After how many milliseconds without a result a push is taken for lost, and made again. A result comes as long as the
queue has the push, so this is for pushes that the queue gave up."""

_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS = 5_000, 300_000


def take_over(step: Step) -> None:
    """Make the target the owner of the partition, in place of members that a changed definition has dismissed.

    A push whose result never came is made again: after a long time, or at once if it is known that nobody has it any
    more (`Silence`). The result of the old one, should it come later, changes nothing. As long as another pusher has
    pushes, it stays the owner.

    Args:
        step: The group and its partition.
    """
    group = step.group
    group.members = []
    if group.owner is not None and not has_pusher(group):
        release_owner(step)
    is_lost = _is_lost(step) or (step.silent and is_outstanding(step))
    if group.owner is None or step.regrant or is_lost or _moves(step):
        grant(step, step.pusher)
    step.is_pushing = is_outstanding(step)


def dismiss(step: Step) -> None:
    """Let members take the place of a target that a changed definition has removed."""
    if has_pusher(step.group):
        release_owner(step)
    # Also if the target lost the partition before, because frames have other numbers now.
    step.group.circuit = CLOSED


def apply_pushed(step: Step, command: Pushed) -> None:
    """Apply what a push says of the target.

    Args:
        step: The group and its partition.
        command: What became of the push.
    """
    group = step.group
    if command.frame < group.circuit.frame or (command.unavailable and command.frame == group.circuit.frame):
        return
    if command.unavailable:
        failures = group.circuit.failures + 1
        opened = Circuit(failures, 0, command.unavailable[:LONGEST_REASON], command.frame)
        if opened.is_open:
            # All pushes of the round count as reported: only a probe, which has a later frame, says anything new.
            opened = opened._replace(until=step.stamp + _pause_ms(step, failures), frame=group.frame)
        group.circuit = opened
    elif command.pause_ms:
        until = step.stamp + min(command.pause_ms, PUSH_LOST_MS)
        group.circuit = group.circuit._replace(until=until, reason="the target asked to slow down")
    else:
        group.circuit = CLOSED


def is_resting(step: Step) -> bool:
    """Return whether a target is left alone in this turn: a round is under way, or its circuit is open or paused.

    Then the turn changes nothing of the group.

    Args:
        step: The group and its partition, in a turn without commands, before anything was done.
    """
    group = step.group
    if not has_pusher(group) or group.members or group.yielded or _is_lost(step) or _moves(step):
        return False
    return is_outstanding(step) or step.now < group.circuit.until


def is_outstanding(step: Step) -> bool:
    """Return whether a push was sent whose result has not come."""
    return bool(step.group.flight) or any(held.sent for held in step.group.held.values())


def _moves(step: Step) -> bool:
    """Return whether this turn's pusher takes over from another one that has no pushes."""
    return step.group.owner != step.pusher and not is_outstanding(step)


def _is_lost(step: Step) -> bool:
    group = step.group
    sent = [group.heard] if group.flight else []
    sent += [max(held.sent_at, group.heard) for held in group.held.values() if held.sent]
    return bool(sent) and step.now >= min(sent) + PUSH_LOST_MS


def _pause_ms(step: Step, failures: int) -> int:
    """Return the pause before the next try, in milliseconds.

    It is 5, 10 … 300 seconds, multiplied by 0.5 to 1, and the same in a retried turn.
    """
    pause = min(_FIRST_PAUSE_MS << (failures - OPENS_AFTER), _LONGEST_PAUSE_MS)
    drawn = blake2b(f"{step.key}\0{step.partition}\0{failures}".encode(), digest_size=2).digest()
    return pause // 2 + pause // 2 * int.from_bytes(drawn) // 0xFFFF
