"""The store that the adapters in memory share."""

from __future__ import annotations

import secrets
from threading import Condition
from typing import TYPE_CHECKING

from eventstore.adapters.clock import SystemClock
from eventstore.adapters.memory.partitions import Partition
from eventstore.positions import Epoch
from eventstore.streams import StreamName, partition_of

if TYPE_CHECKING:
    from eventstore.ports import Clock

__all__ = ["MemoryStore", "random_epoch"]


def random_epoch() -> Epoch:
    """Draw an epoch: 48 random bits, in hexadecimal."""
    return Epoch(secrets.token_hex(6))


class MemoryStore:
    """All that a `MemoryLog` and a `MemoryTurns` keep. It has no subscriptions, and is lost with its process.

    Attributes:
        clock: The time under which events are stored.
        partitions: The partitions, by number.
        changed: Its lock guards everything; it is notified when a stream gets events or is deleted.
    """

    def __init__(self, *, partitions: int = 16, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.partitions = [Partition(number, random_epoch()) for number in range(partitions)]
        self.changed = Condition()

    def partition_of(self, stream: StreamName) -> Partition:
        """Return the partition of a stream."""
        return self.partitions[partition_of(stream, len(self.partitions))]
