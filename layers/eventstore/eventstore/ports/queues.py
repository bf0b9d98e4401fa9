"""Messages from one function to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eventstore.frames.frame import Delivery
    from eventstore.groups import Member

__all__ = ["Bells", "Deliveries"]


class Bells(Protocol):
    """Tells `dispatch` that there is something to do."""

    def ring(self, partitions: Iterable[int]) -> None:
        """Let each partition have a turn soon. One partition's turns never overlap."""

    def ring_later(self, partition: int, *, seconds: float) -> None:
        """Let a partition have a turn after so many seconds, at most 900; rounded up to whole ones."""

    def gone(self, connection: str) -> None:
        """Let what belongs to a connection that is gone be removed."""

    def ended(self, name: str, members: Iterable[Member]) -> None:
        """Let the members of a durable subscription that was deleted be told."""


class Deliveries(Protocol):
    """Hands `deliver` what clients are to get."""

    def send(self, deliveries: Sequence[Delivery]) -> None:
        """Send all of them; those of one shard are delivered in this order, behind all that was sent before.

        Raises:
            DeliveriesUnavailable: Not all could be sent. Of each shard, what was sent is what comes first.
        """
