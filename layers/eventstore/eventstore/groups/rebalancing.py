"""Ownership of a partition: who is granted it, and what happens to the events that an owner had."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from eventstore.groups.failing import hold, retry
from eventstore.groups.step import Notification
from eventstore.positions import before

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.groups.ids import SubscriptionKey
    from eventstore.groups.state import Group, Member
    from eventstore.groups.step import Step

__all__ = ["grant", "lose_owner", "notify", "owner_of", "release_owner"]


def owner_of(members: Sequence[Member], key: SubscriptionKey, partition: int) -> Member | None:
    """Return the member that is to own a partition: the one of the highest weight (rendezvous hashing).

    A member that joins takes about its share of the partitions, from all other members. A member that leaves gives its
    own to all of them.

    Args:
        members: The members of the group.
        key: The key of the durable subscription.
        partition: The partition's number.
    """

    def weight(member: Member) -> bytes:
        return blake2b(f"{key}\0{partition}\0{member.connection}".encode(), digest_size=8).digest()

    return max(members, key=weight, default=None)


def grant(step: Step, member: Member) -> None:
    """Make a member the owner of the partition. A present owner that is granted it again drops its earlier state.

    Args:
        step: The group and its partition.
        member: The new owner.
    """
    group = step.group
    # The numbers of frames go on: a frame of an earlier grant that is delivered late is never taken for one of this.
    group.owner, group.revoked, group.heard = member, 0, step.stamp
    _go_back(group)
    notify(step, "owned")
    group.granted = group.frame


def notify(step: Step, kind: str) -> None:
    """Add a notification for the owner, in a frame of its own.

    Args:
        step: The group; it has an owner.
        kind: As in `Notification`.
    """
    group = step.group
    assert group.owner is not None  # noqa: S101 - only owners are notified
    group.frame += 1
    step.notifications.append(Notification(group.owner, kind, group.frame))


def release_owner(step: Step) -> None:
    """Remove an owner that left in an orderly way. The events that it had count as not tried."""
    for held in step.group.held.values():
        held.sent = []
    step.group.owner = None


def lose_owner(step: Step) -> None:
    """Remove an owner that went away, perhaps because of an event that it crashed on.

    Only an event that was sent alone can be identified as the cause. So the next owner is sent the events in flight one
    at a time, and an event on which members go away `max_attempts` times is parked.
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
        if group.owner_losses >= step.settings.max_attempts:
            hold(step, flight[0], reason, park=True)
            group.parked[flight[0].stream].attempts = group.owner_losses
            group.owner_losses = 0
    group.probe_remaining = max(group.probe_remaining, len(flight))
    group.owner = None


def _go_back(group: Group) -> None:
    """Return to the first event in flight, so that all unacknowledged events are sent again.

    From here on, acknowledgements and nacks of what was sent before do not count.
    """
    if group.flight:
        first = group.flight[0]
        group.place, group.flight = before(first.position), []
        # No owner was notified of what was removed since these events were sent.
        group.removals = min(group.removals, first.removals)
    for held in group.held.values():
        held.sent, held.earlier, held.by_cursor = [], [], False
    for parked in group.parked.values():
        parked.earlier, parked.by_cursor = [], False
    group.losses = [replace(loss, frame=0) for loss in group.losses]
