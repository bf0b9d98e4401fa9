"""The groups of durable subscriptions, as they are where none of their members is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.groups import Group, Leave, Step, apply
from eventstore.subscriptions import Durable

if TYPE_CHECKING:
    from eventstore.ports.copied_values import CopiedGroup

__all__ = ["without_members"]


def without_members(copied: CopiedGroup, *, partition: int, now: int) -> CopiedGroup:
    """Return a group as if its members had left in order: what they were sent is sent to others, as the same attempt.

    Their connections end with the old store, and nobody could find out in the new one that they have. A target is no
    member: it stays.

    Args:
        copied: The group.
        partition: Its partition.
        now: The time, in milliseconds since 1970.
    """
    durable = Durable.decoded(copied.definition)
    if durable.target is not None:
        return copied
    group = Group.decoded(copied.state)
    step = Step(group, durable.settings, durable.key, partition, now, group.removals)
    for member in [*group.members, *([group.owner] if group.owner else [])]:
        apply(step, Leave(member.connection, orderly=True))
    return copied._replace(state=group.encoded())
