"""A group that is being moved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore.positions import WHOLE, Position

if TYPE_CHECKING:
    from eventstore.groups.state import Group, Member, Rules

__all__ = ["Notification", "Step", "before", "owns"]

_LAST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Notification:
    """Something that a member is told, in a frame of its own: `owned` or `revoked`."""

    member: Member
    kind: str
    frame: int


@dataclass(slots=True)
class Step:
    """A group that is being moved, by which rules, in which partition, when, and what its members are to be told.

    Attributes:
        now: When the turn was first begun: what is decided depends on it alone, however often the turn is taken again.
        removals: How many removals of events the partition has seen (`Missing.serial`).
        stamp: When the turn was begun this time, for what is to be measured from then on; `now`, unless it is given.
        regrant: Whether the owner is to be granted the partition anew: what it remembers of it does not hold any more.
        silent: Whether the owner is known to have shown nowhere that it works, for as long as the deadline.
        needs_activity: Whether a deadline has passed, and the owner has yet to be found silent.
    """

    group: Group
    rules: Rules
    key: str
    partition: int
    now: int
    removals: int = 0
    told: list[Notification] = field(default_factory=list)
    regrant: bool = False
    silent: bool = False
    needs_activity: bool = False
    stamp: int = 0

    def __post_init__(self) -> None:
        self.stamp = max(self.stamp, self.now)


def owns(group: Group, connection: str) -> bool:
    """Whether the partition belongs to the connection."""
    return group.owner is not None and group.owner.connection == connection


def before(position: Position) -> Position:
    """The place right before an event's."""
    if position.index:
        return Position(position.time, position.order, position.index - 1)
    if position.order:
        return Position(position.time, position.order - 1, WHOLE)
    return Position(position.time - 1, _LAST, WHOLE)
