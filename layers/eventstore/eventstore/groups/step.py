"""One turn's work on a group: the group, its settings, the time, and the notifications that result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore.groups.state import TARGET

if TYPE_CHECKING:
    from eventstore.groups.ids import ConnectionId, SubscriptionKey
    from eventstore.groups.state import DeliverySettings, Group, Member

__all__ = ["Notification", "Step", "has_pusher", "owns"]


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification of a member, in a frame of its own.

    Attributes:
        member: The member that is notified.
        kind: `owned` or `revoked`.
        frame: The number of the frame.
    """

    member: Member
    kind: str
    frame: int


@dataclass(slots=True)
class Step:
    """A group in a turn: what the turn's decisions depend on, and the notifications that they lead to.

    Attributes:
        group: The state; it is changed in place.
        settings: The delivery settings of the durable subscription.
        key: The key of the durable subscription.
        partition: The partition's number.
        now: When the first try of the turn began, in milliseconds since 1970. Decisions depend on this time alone, so
            that every retry of the turn decides the same.
        removals: How many removals of events the partition has seen (`Missing.serial`).
        notifications: What members are notified of, in this order.
        regrant: Whether the owner must be granted the partition again, because its state no longer holds.
        silent: Whether the owner is known to have been inactive everywhere for as long as the deadline.
        needs_activity: Whether a deadline has passed, and it is not known yet whether the owner is active elsewhere.
        has_target: Whether the events are pushed to a target, which owns the partition.
        pusher: The owner if there is a target: who makes the pushes of this turn.
        is_pushing: Whether a round of pushes was under way as the turn began: the next one waits for its results.
        stamp: When this try of the turn began, for what is measured from then on; `now` unless it is given.
    """

    group: Group
    settings: DeliverySettings
    key: SubscriptionKey
    partition: int
    now: int
    removals: int = 0
    notifications: list[Notification] = field(default_factory=list)
    regrant: bool = False
    silent: bool = False
    needs_activity: bool = False
    has_target: bool = False
    pusher: Member = TARGET
    is_pushing: bool = False
    stamp: int = 0

    def __post_init__(self) -> None:
        self.stamp = max(self.stamp, self.now)


def has_pusher(group: Group) -> bool:
    """Return whether a target owns the group's partition, whoever makes the pushes."""
    return owns(group, TARGET.connection)


def owns(group: Group, connection: ConnectionId) -> bool:
    """Return whether a connection owns the group's partition.

    Args:
        group: The group.
        connection: The connection's id.
    """
    return group.owner is not None and group.owner.connection == connection
