"""Durable subscriptions: their definitions, and what members and operators ask of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.groups import Command, Group
    from eventstore.ports.registry import Start
    from eventstore.positions import Position
    from eventstore.subscriptions import Durable

__all__ = ["Durables"]


class Durables(Protocol):
    """Keeps durable subscriptions by name, and their groups per partition."""

    @property
    def count(self) -> int:
        """How many partitions the store has."""

    def create(
        self, durable: Durable, starts: Mapping[int, Position | Start], *, removals: Mapping[int, int] | None = None
    ) -> Durable:
        """Make one that starts in these partitions; the one that stands, if there is one of this name already.

        What a try that died left out is made up for, and nothing else of the one that stands is changed.

        Args:
            durable: What it is.
            starts: Where it starts in each partition. From a `Start` on, nothing that was removed before is missing.
            removals: Where it starts behind a position, of how many removals of events it knows (`Group.removals`);
                of none, where nothing stands.
        """

    def get(self, name: str) -> Durable:
        """The one of a name; raises `SubscriptionNotFound`."""

    def definitions(self, names: Sequence[str]) -> Sequence[Durable]:
        """Those of the names that there are, in their order."""

    def names(self, *, prefix: str, after: str, count: int) -> Sequence[str]:
        """Up to `count` names in order, those beyond `after` that start with `prefix`."""

    def change(self, old: Durable, new: Durable) -> bool:
        """Replace the definition of one by another of the same name and key; False if it is `old` no more.

        Its groups go by the old one until they are told (`groups.Change`).
        """

    def delete(self, name: str) -> None:
        """End one, with all that it had in flight and parked; raises `SubscriptionNotFound`."""

    def partitions(self, durable: Durable) -> Sequence[int]:
        """Those that it concerns."""

    def groups(self, durable: Durable) -> Mapping[int, Group]:
        """Where it stands, per partition."""

    def enqueue(self, durable: Durable, commands: Mapping[int, Iterable[Command]]) -> Sequence[int]:
        """Leave commands for the next turns of partitions; answers which of these have no bell outstanding.

        They are taken in in the order in which they were left.

        Raises:
            StoreUnavailable: Too many wait already in one of the partitions. Some of them may have been left.
        """
