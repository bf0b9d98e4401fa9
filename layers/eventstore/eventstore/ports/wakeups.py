"""Waking up the workers that act on a stored write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from eventstore.groups import Member
    from eventstore.streams import DurableName

__all__ = ["Wakeups"]


class Wakeups(Protocol):
    """Wakes up the workers that act on a stored write.

    The write is committed before, so no method raises because a queue or a process is unavailable. The sweep makes up
    for a wake-up that was lost.
    """

    def notify(self, partitions: Collection[int]) -> None:
        """Request a turn of each of these partitions; does nothing if there are none."""

    def subscription_deleted(self, name: DurableName, members: Collection[Member]) -> None:
        """Request that members are notified that their durable subscription was deleted.

        The notification is best effort: a member that does not receive it learns of the deletion when it acknowledges.

        Args:
            name: The name of the subscription.
            members: Its members when it was deleted.
        """
