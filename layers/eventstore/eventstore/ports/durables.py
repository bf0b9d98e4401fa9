"""Durable subscriptions: their definitions, and the commands of their members and of operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.groups import Command, Group
    from eventstore.ports.registry import Start
    from eventstore.positions import Position
    from eventstore.streams import DurableName
    from eventstore.subscriptions import Durable

__all__ = ["Durables"]


class Durables(Protocol):
    """Stores the definition of each durable subscription by its name, and its group in each partition.

    Every method raises `StoreUnavailable` if the store does not answer.
    """

    @property
    def count(self) -> int:
        """The number of partitions of the store."""

    def create(
        self, durable: Durable, starts: Mapping[int, Position | Start], *, removals: Mapping[int, int] | None = None
    ) -> Durable:
        """Create a subscription, or return the existing one of the same name.

        Repeating a call whose caller died creates the groups that the first call did not reach. Nothing else of an
        existing subscription changes.

        Args:
            durable: The definition of a new subscription.
            starts: Per partition, where the subscription starts. Events that were removed before a `Start` do not
                count as missing.
            removals: Per partition, the removal serial that the start position already accounts for
                (`Group.removals`). 0 where it is absent. It is ignored for a `Start`.

        Returns:
            The stored definition: `durable`, or that of the existing subscription.
        """

    def get(self, name: DurableName) -> Durable:
        """Return the definition of a subscription; raise `SubscriptionNotFound` if there is none of this name."""

    def definitions(self, names: Sequence[DurableName]) -> Sequence[Durable]:
        """Return the definitions of the named subscriptions that exist, in the order of `names`."""

    def names(self, *, prefix: str, after: str, count: int) -> Sequence[DurableName]:
        """Return names of subscriptions in lexicographic order.

        Args:
            prefix: Only names that start with it.
            after: Only names greater than it.
            count: The maximum number of names.
        """

    def change(self, old: Durable, new: Durable) -> bool:
        """Replace a definition, unless it was changed or deleted meanwhile.

        The groups of the subscription keep the old definition until they apply the command `groups.Change`.

        Args:
            old: The definition that the caller read.
            new: Its replacement, with the same name and key.

        Returns:
            Whether `new` is stored now; False if the stored definition is no longer `old`.
        """

    def delete(self, name: DurableName) -> None:
        """Delete a subscription with all events that it has in flight or parked.

        Raises:
            SubscriptionNotFound: There is no subscription of this name.
        """

    def partitions(self, durable: Durable) -> Sequence[int]:
        """Return the partitions of the streams that the subscription names; all partitions if it names none."""

    def groups(self, durable: Durable) -> Mapping[int, Group]:
        """Return the state of the subscription's group, per partition."""

    def has_groups(self, durable: Durable) -> bool:
        """Return whether the subscription has its group in every partition.

        It has not while it is created, after a call of `create` that died, and once it was deleted.
        """

    def enqueue(self, durable: Durable, commands: Mapping[int, Iterable[Command]]) -> Sequence[int]:
        """Append commands to the inboxes of partitions.

        The next turns of a partition apply its commands in the order in which they were enqueued. Commands for a
        subscription that was deleted are dropped.

        Args:
            durable: The subscription that the commands are for.
            commands: The commands, per partition.

        Returns:
            The partitions that have no wake-up outstanding: the caller wakes them up.

        Raises:
            StoreUnavailable: The inbox of a partition is full. Some of the commands may have been enqueued.
        """
