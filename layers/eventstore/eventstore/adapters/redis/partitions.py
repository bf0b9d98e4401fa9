"""The partitions of a store: how many there are, and the epoch of each."""

from __future__ import annotations

import secrets
from functools import cached_property
from typing import TYPE_CHECKING

from eventstore.adapters.redis.formats import FIRST, require_known
from eventstore.adapters.redis.keys import PartitionKeys, StreamKeys, partition_keys, stream_keys, turn_keys
from eventstore.adapters.redis.scripts import Script
from eventstore.errors import PartitionMismatch
from eventstore.streams import partition_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.adapters.redis.connection import Client

__all__ = ["Partitions", "random_epoch"]

_DEFAULT = 16


def random_epoch() -> str:
    """48 bits that no other epoch of this store is likely to have, in hexadecimal."""
    return secrets.token_hex(6)


class Partitions:
    """The partitions of one store; made at their first use.

    How many there are never changes, and is kept. Epochs do, and are read from the store each time.

    Args:
        configured: How many the caller believes there are; None takes what the store has, or 16 for a new one.
    """

    def __init__(
        self, client: Client, *, configured: int | None = None, new_epoch: Callable[[], str] = random_epoch
    ) -> None:
        self.client = client
        self._configured = configured
        self._new_epoch = new_epoch
        self._open = Script("log/open", "shared/open_partition")
        self._renew = Script("log/renew", "shared/open_partition")

    @cached_property
    def count(self) -> int:
        """How many there are.

        Raises:
            PartitionMismatch: The store was made with another number than is configured.
            FormatMismatch: The store has a format that this version does not know.
        """
        _, stored, store_format = self._opened(0, self._configured or _DEFAULT)
        require_known(store_format)
        if self._configured is not None and stored != self._configured:
            raise PartitionMismatch(configured=self._configured, stored=stored)
        return stored

    def epoch(self, partition: int, known: bytes | None = None) -> str:
        """The epoch of a partition; `known` is what its hash was just seen to hold, if anything."""
        return known.decode() if known else self._opened(partition, self.count)[0]

    def renew(self) -> dict[int, str]:
        """Give every partition another epoch; the new ones."""
        calls = [
            ((partition_keys(partition).partition, turn_keys(partition).turn), (self._new_epoch(), self.count))
            for partition in range(self.count)
        ]
        return {partition: epoch.decode() for partition, epoch in enumerate(self._renew.each(self.client, calls))}

    def keys(self, stream: str) -> tuple[PartitionKeys, StreamKeys]:
        """The keys of a stream and of its partition."""
        partition = partition_of(stream, self.count)
        return partition_keys(partition), stream_keys(partition, stream)

    def _opened(self, partition: int, count: int) -> tuple[str, int, int]:
        key = partition_keys(partition).partition
        epoch, stored, store_format = self._open(self.client, [key], [self._new_epoch(), count])
        return epoch.decode(), int(stored), int(store_format or FIRST)
