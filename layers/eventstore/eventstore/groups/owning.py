"""Whom a partition belongs to, and what becomes of what an owner had."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from eventstore.groups.failing import hold, retry
from eventstore.groups.step import Notification, before

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.groups.state import Group, Member
    from eventstore.groups.step import Step

__all__ = ["grant", "let_go", "lose_owner", "notify", "owner_of"]


def owner_of(members: Sequence[Member], key: str, partition: int) -> Member | None:
    """Who of the members is to have a partition: the one of highest weight (rendezvous hashing).

    Who joins takes about its share of partitions, from all the others; who leaves gives its own to all of them.
    """

    def weight(member: Member) -> bytes:
        return blake2b(f"{key}\0{partition}\0{member.connection}".encode(), digest_size=8).digest()

    return max(members, key=weight, default=None)


def grant(step: Step, member: Member) -> None:
    """Give a member the partition, which may be its own: it forgets what it remembers of an earlier time."""
    group = step.group
    # Its frames go on in number: one of an earlier time that comes again is never taken for one of this.
    group.owner, group.revoked, group.heard = member, 0, step.stamp
    _go_back(group)
    notify(step, "owned")
    group.granted = group.frame


def notify(step: Step, kind: str) -> None:
    """Tell the owner something in a frame of its own."""
    group = step.group
    assert group.owner is not None  # noqa: S101 - only owners are told
    group.frame += 1
    step.told.append(Notification(group.owner, kind, group.frame))


def let_go(step: Step) -> None:
    """Let go of an owner that leaves of its own accord: what it had was not tried."""
    for held in step.group.held.values():
        held.sent = []
    step.group.owner = None


def lose_owner(step: Step) -> None:
    """Let go of an owner that went away, perhaps of an event that it died of.

    Which one is known only of an event that was alone. So what it had is sent one at a time to the next owner, and an
    event that members go away with `max_attempts` times is parked.
    """
    group, reason = step.group, "its member went away"
    for stream, held in list(group.held.items()):
        if held.sent and held.silent:
            held.sent = []
        elif held.sent:
            retry(step, stream, held, held.sent[0], reason)
    flight = group.flight
    if group.probe_remaining and len(flight) == 1:
        group.owner_losses += 1
        if group.owner_losses >= step.rules.max_attempts:
            hold(step, flight[0], reason, park=True)
            group.parked[flight[0].stream].attempts = group.owner_losses
            group.owner_losses = 0
    group.probe_remaining = max(group.probe_remaining, len(flight))
    group.owner = None


def _go_back(group: Group) -> None:
    """What is in flight comes again, and what was sent of held streams; late words of what was before count no more."""
    if group.flight:
        first = group.flight[0]
        group.place, group.flight = before(first.position), []
        # Of what was removed since these were sent, nobody was told.
        group.removals = min(group.removals, first.removals)
    for held in group.held.values():
        held.sent, held.earlier, held.by_cursor = [], [], False
    for parked in group.parked.values():
        parked.earlier, parked.by_cursor = [], False
    group.losses = [replace(loss, frame=0) for loss in group.losses]
