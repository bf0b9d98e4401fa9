"""Starting the turns of partitions, once a write is stored that they are to act on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from eventstore.groups import Member

__all__ = ["Wakeups"]


class Wakeups(Protocol):
    """Wakes up whoever acts on a write.

    The write is stored by then, and is answered as such: nothing here raises because a queue or a process is away. What
    was not notified is found by the sweep.
    """

    def notify(self, partitions: Collection[int]) -> None:
        """Let each of these partitions have a turn soon; of none, nothing is done."""

    def subscription_deleted(self, name: str, members: Collection[Member]) -> None:
        """Let the members of a durable subscription that was deleted be told.

        It is worth a try and no more: a member that is not told learns of it when it acknowledges.
        """
