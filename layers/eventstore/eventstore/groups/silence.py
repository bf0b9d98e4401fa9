"""Members that are silent as owners of a partition: after a while, others are chosen before them.

A connection whose other end has gone without a word looks open for long, and takes all that is sent to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.groups.state import Silences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.groups.ids import ConnectionId
    from eventstore.groups.state import Group, Member
    from eventstore.groups.step import Step

__all__ = ["forget_silences", "note_silence", "preferred_members"]

_PATIENCE = 2
"""How often a member is silent before others are chosen. One whose handler took too long once keeps its partitions."""

_DEADLINES = 10
"""For how many deadlines it is passed over at first. Each further time it is twice as long."""

_LONGEST_MS = 60 * 60 * 1000


def note_silence(step: Step) -> None:
    """Record that the owner was silent everywhere when events were due."""
    group = step.group
    assert group.owner is not None  # noqa: S101 - only an owner is waited for
    connection = group.owner.connection
    times = group.silences[connection].times + 1 if connection in group.silences else 1
    pause = min(step.settings.ack_deadline_ms * _DEADLINES * 2 ** min(max(times - _PATIENCE, 0), 12), _LONGEST_MS)
    group.silences[connection] = Silences(times, step.now + pause if times >= _PATIENCE else 0)


def forget_silences(group: Group, connection: ConnectionId) -> None:
    """Record that a member is active, or has left."""
    group.silences.pop(connection, None)


def preferred_members(step: Step) -> Sequence[Member]:
    """Return the members of which one is to own the partition: those that are not passed over, else all."""
    group = step.group
    silent = {connection for connection, (_, until) in group.silences.items() if until > step.now}
    return [member for member in group.members if member.connection not in silent] or group.members
