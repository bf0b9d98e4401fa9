"""The partitions of a store: their number, the epoch of each, and the number of shards of connections."""

from __future__ import annotations

import secrets
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from eventstore.adapters.redis.entries import end_of_entry
from eventstore.adapters.redis.formats import COLD, FIRST, require_known
from eventstore.adapters.redis.keys import PartitionKeys, StreamKeys, partition_keys, stream_keys, turn_keys
from eventstore.adapters.redis.scripts import Script
from eventstore.errors import BackendMismatch, PartitionMismatch, SettingsError, ShardMismatch, StoreClosed
from eventstore.frames.limits import DEFAULT_SHARDS
from eventstore.ports import LogEnd
from eventstore.positions import Epoch
from eventstore.streams import DEFAULT_PARTITIONS, StreamName, partition_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from eventstore.adapters.redis.connection import Client

__all__ = ["Opened", "Opening", "Partitions", "random_epoch"]

ResultT = TypeVar("ResultT")

Opening = tuple[Epoch, int, int]
"""The arguments for `open_partition` of scripts: an epoch for a new partition, the numbers of partitions and shards."""


def random_epoch() -> Epoch:
    """Draw an epoch: 48 random bits, in hexadecimal."""
    return Epoch(secrets.token_hex(6))


class Opened(NamedTuple):
    """What a partition says of its store."""

    epoch: Epoch
    partitions: int
    shards: int
    format: int


class Partitions:
    """The partitions of a store, which are created at their first use.

    Their number and the number of shards never change, and are read once. Epochs change, and are read from the store
    each time.

    Args:
        client: The client of the store.
        configured: The expected number; None accepts the number of the store, and 16 for a new one.
        shards: The expected number of shards of connections; None accepts that of the store, and `DEFAULT_SHARDS` for
            a new one.
        new_epoch: Draws the epoch of a partition that is created or renewed.
    """

    def __init__(
        self,
        client: Client,
        *,
        configured: int | None = None,
        shards: int | None = None,
        new_epoch: Callable[[], Epoch] = random_epoch,
    ) -> None:
        self.client = client
        self._configured = configured
        self._configured_shards = shards
        self._new_epoch = new_epoch
        self._open = Script("log/open", "shared/open_partition")
        self._renew = Script("log/renew", "shared/open_partition")
        self._end = Script("log/end", "shared/open_partition", "shared/last_entry")

    @classmethod
    def of(cls, client: Client, partitions: Partitions | int | None, new_epoch: Callable[[], Epoch]) -> Partitions:
        """Return the partitions that an adapter was given, or its own of the configured number.

        Args:
            client: The client of the store.
            partitions: Those that the adapters of a process share, so that their number is read once; or `configured`.
            new_epoch: As of the class.
        """
        if isinstance(partitions, Partitions):
            return partitions
        return cls(client, configured=partitions, new_epoch=new_epoch)

    @cached_property
    def count(self) -> int:
        """The number of partitions.

        Raises:
            PartitionMismatch: The store was created with another number than is configured.
            ShardMismatch: The store has another number of shards than is configured.
            FormatMismatch: The store has a format that this version does not support.
        """
        return self._store.partitions

    @property
    def shards(self) -> int:
        """The number of shards over which the store's connections are distributed; raises as `count` does."""
        return self._store.shards

    def opened(self, partitions: Iterable[int], use: Callable[[Opening], ResultT]) -> ResultT:  # noqa: ARG002 - see below
        """Return what a use of scripts that may create a partition returns.

        Args:
            partitions: The partitions that may be created. Where a journal has them, they are made from it.
            use: Is given the arguments for `open_partition` of the scripts; it can be repeated.
        """
        return use(self._opening())

    def _opening(self) -> Opening:
        return self._new_epoch(), self.count, self.shards

    def epoch(self, partition: int, known: bytes | None = None) -> Epoch:
        """Return the epoch of a partition, which is created if it does not exist.

        Args:
            partition: The partition's number.
            known: The epoch that the caller has just read; None if there was none.
        """
        return Epoch(known.decode()) if known else self._open_partition(partition, *self._opening()).epoch

    def renew(self) -> dict[int, Epoch]:
        """Give every partition a new epoch, and return the new epochs."""
        calls = [
            ((partition_keys(partition).partition, turn_keys(partition).turn), self._opening())
            for partition in range(self.count)
        ]
        return {partition: epoch.decode() for partition, epoch in enumerate(self._renew.each(self.client, calls))}

    def adopt(self, epochs: Mapping[int, Epoch]) -> None:
        """Create all partitions, with the epochs that they have in another store.

        Raises:
            SettingsError: One exists with another epoch.
        """
        shards = self._configured_shards or DEFAULT_SHARDS
        for partition, epoch in epochs.items():
            opened = self._open_partition(partition, epoch, len(epochs), shards)
            if (opened.epoch, opened.partitions) != (epoch, len(epochs)):
                raise SettingsError(
                    "the store is not empty, and is not the copy of the other one: name an empty store, or empty it"
                )

    def require_writable(self) -> None:
        """Raise `StoreClosed` if the store accepts no writes.

        For what is in no partition, and so is not written by a script that looks itself: whoever closes the store reads
        these things once more after all else.
        """
        if self.client.hget(partition_keys(0).partition, "closed") is not None:
            raise StoreClosed

    def restore_groups(self, partitions: Iterable[int]) -> None:
        """Have the groups of partitions be those that the journal has, if there is one and the store was lost.

        Until then commands for them are dropped once that happens.
        """

    def ends(self, partitions: Iterable[int]) -> dict[int, LogEnd]:
        """See `Log.ends`."""
        numbers = list(partitions)
        keys = [partition_keys(number)[:2] for number in numbers]
        answers = self.opened(numbers, lambda opening: self._end.each(self.client, [(key, opening) for key in keys]))
        return {partition: _log_end(*answer) for partition, answer in zip(numbers, answers, strict=True)}

    def keys(self, stream: StreamName) -> tuple[PartitionKeys, StreamKeys]:
        """Return the keys of a stream's partition, and those of the stream."""
        partition = partition_of(stream, self.count)
        return partition_keys(partition), stream_keys(partition, stream)

    @cached_property
    def _store(self) -> Opened:
        partitions, shards = self._configured or DEFAULT_PARTITIONS, self._configured_shards or DEFAULT_SHARDS
        stored = self._open_partition(0, self._new_epoch(), partitions, shards)
        self._require_known(stored)
        if self._configured not in {None, stored.partitions}:
            raise PartitionMismatch(configured=partitions, stored=stored.partitions)
        if self._configured_shards not in {None, stored.shards}:
            raise ShardMismatch(configured=shards, stored=stored.shards)
        return stored

    def _require_known(self, opened: Opened) -> None:
        if opened.format != COLD:
            require_known(opened.format)

    def _open_partition(self, partition: int, epoch: Epoch, partitions: int, shards: int) -> Opened:
        answer = self._open(self.client, [partition_keys(partition).partition], [epoch, partitions, shards])
        stored_epoch, stored, stored_format, stored_shards, is_index = answer
        if is_index:
            raise BackendMismatch(is_index=True)
        # A store that names no number of shards was made when there was one number for all.
        shards = int(stored_shards or DEFAULT_SHARDS)
        return Opened(stored_epoch.decode(), int(stored), shards, int(stored_format or FIRST))


def _log_end(epoch: bytes, last: bytes, removals: bytes) -> LogEnd:
    return LogEnd(Epoch(epoch.decode()), end_of_entry(last), int(removals))
