"""The partitions of a store on a journal, which keeps their epochs and the numbers of the store."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from redis.exceptions import ResponseError

from eventstore.adapters.journaled.changes import Change, Open
from eventstore.adapters.redis.bodies import IndexLost
from eventstore.adapters.redis.formats import JOURNALED, require_known
from eventstore.adapters.redis.keys import group_keys, partition_keys, turn_keys
from eventstore.adapters.redis.partitions import Opened, Opening, Partitions, ResultT, random_epoch
from eventstore.adapters.redis.scripts import Script
from eventstore.errors import BackendMismatch, IndexDiverged, StoreUnavailable
from eventstore.frames.limits import DEFAULT_SHARDS
from eventstore.positions import Epoch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from eventstore.adapters.journaled.index import Index
    from eventstore.adapters.journaled.trials import Trials, Tried
    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.steps import Step

__all__ = ["JournaledPartitions"]

_MOST_TRIES = 3
_MOST_READS = 10

# Errors of lua/shared/open_partition.lua: the index of the partition is lost, or was never made; its groups are not
# those of the journal; or it has diverged.
_UNOPENED, _UNRESTORED = "UNOPENED", "UNRESTORED"
_DIVERGED = re.compile(r"DIVERGED \{p(\d+)\}:partition (.*?)(?: script: .*)?$")


class JournaledPartitions(Partitions):
    """See `Partitions`. A partition that is not there is made again from the journal before anything else.

    Args:
        client: The client of the store.
        index: The index of the journal.
        trials: Tries what is to be done.
        configured: As of `Partitions`.
        shards: As of `Partitions`.
        new_epoch: As of `Partitions`.
        connects: Returns how often the process has connected to the store.
    """

    def __init__(
        self,
        client: Client,
        index: Index,
        trials: Trials,
        *,
        configured: int | None = None,
        shards: int | None = None,
        new_epoch: Callable[[], Epoch] = random_epoch,
        connects: Callable[[], int] = lambda: 0,
    ) -> None:
        super().__init__(client, configured=configured, shards=shards, new_epoch=new_epoch)
        self._index = index
        self._trials = trials
        self._restore = Script("journal/restore")
        self._connects = connects
        self._met_unopened = 0
        self._compared: dict[int, int] = {}

    def opened(self, partitions: Iterable[int], use: Callable[[Opening], ResultT]) -> ResultT:
        """See `Partitions.opened`."""
        numbers = list(partitions)
        # Before, so that a new process does not do twice what a use changes: a turn may have followed the first time.
        for partition in numbers:
            self.compare(partition)
        for _ in range(_MOST_TRIES):
            try:
                return self.whole(numbers, lambda: use(self._opening()), notices=True)
            except ResponseError as error:
                if diverged := _DIVERGED.match(str(error)):
                    raise IndexDiverged(int(diverged[1]), diverged[2]) from error
                if not str(error).startswith((_UNOPENED, _UNRESTORED)):
                    raise
            for partition in numbers:
                self.ensure_open(partition)
                self._restore(self.client, _restored_keys(partition), ())
        return use(self._opening())

    def restore_groups(self, partitions: Iterable[int]) -> None:
        """See `Partitions.restore_groups`. Those of an index that has diverged stay what they are."""
        numbers = list(partitions)
        pipeline = self.client.pipeline(transaction=False)
        for partition in numbers:
            self.compare(partition)
            pipeline.hmget(partition_keys(partition).partition, ("epoch", "unrestored"))
        for partition, (epoch, unrestored) in zip(numbers, pipeline.execute(), strict=True):
            if epoch is None or unrestored is not None:
                with suppress(IndexDiverged):
                    self.ends([partition])

    def _opening(self) -> Opening:
        # No script creates a partition.
        return Epoch(""), self.count, self.shards

    def renew(self) -> dict[int, Epoch]:
        """See `Partitions.renew`."""
        renewed = {partition: self._another_epoch() for partition in range(self.count)}
        for partition, change in renewed.items():
            self.done(partition, change)
        return {partition: change.epoch for partition, change in renewed.items()}

    def whole(self, partitions: Iterable[int], read: Callable[[], ResultT], *, notices: bool = False) -> ResultT:
        """Return what a read of an index returns that has all that was acknowledged.

        Redis may have been set back, or a replica that is behind may have taken over: then this process has connected
        again, and compares the index with the journal.

        Args:
            partitions: The partitions that are read.
            read: Reads; it can be repeated.
            notices: Whether `read` itself notices an index that is not there: by `epoch`, `opened` or `IndexLost`.
        """
        numbers = list(partitions)
        for _ in range(_MOST_READS):
            before = self._met_unopened
            try:
                found = read()
                if not notices:
                    self._require_open(numbers)
            except IndexLost as error:
                # Most likely, the others were lost with it.
                for partition in {*numbers, error.partition}:
                    self.ensure_open(partition)
                continue
            has_changed = self._met_unopened != before
            for partition in numbers:
                has_changed |= self.compare(partition)
            if not has_changed:
                return found
        raise StoreUnavailable("the index of the journal was lost again and again while it was read; try again")

    def compare(self, partition: int) -> bool:
        """Compare an index with its journal, if this process has connected to the store since it last did.

        Returns:
            Whether it was compared: what was read before may be of an index that lacked something.
        """
        connects = self._connects()
        if self._compared.get(partition) == connects:
            return False
        # An index that has diverged is read as it is.
        with suppress(IndexDiverged):
            self._index.compare(partition)
        self._compared[partition] = connects
        return True

    def write_new_epoch(self, partition: int) -> None:
        """Write a new epoch of a partition into the journal; whoever folds it renews the partition."""
        self._index.written(partition, self._another_epoch())

    def catch_up(self, partition: int) -> None:
        """Fold what the journal has of a partition. What was read before may be of an index that lacked something."""
        self.compare(partition)
        self._index.catch_up(partition)

    def epoch(self, partition: int, known: bytes | None = None) -> Epoch:
        """See `Partitions.epoch`."""
        if not known:
            # What was read with it may be of an index that another process has made whole since.
            self._met_unopened += 1
        return super().epoch(partition, known)

    def tried(self, partition: int, change: Change, *, step: Step | None = None) -> Tried:
        """Return what a change would do; see `Trials.tried`.

        If it would change nothing, the index must not be behind the journal: it may be that of an older day.
        """
        tried = self._trials.tried(partition, change, step=step)
        if not tried.is_open:
            self.ensure_open(partition)
        elif not self.compare(partition):
            if tried.answer is None or step is not None or tried.is_done:
                return tried
            # Another process may have made it whole since it was tried.
            self.catch_up(partition)
        return self._trials.tried(partition, change, step=step)

    def done(self, partition: int, change: Change) -> Any:
        """Write a change into the journal, fold it, and return what its step answers."""
        tried = self.tried(partition, change)
        return self._index.submitted(partition, change, tried)[0] if tried.answer is None else tried.answer

    def ensure_open(self, partition: int) -> None:
        """Make the index of a partition from the journal if it is not there."""
        self._open_partition(partition, Epoch(""), self.count, self.shards)

    def _open_partition(self, partition: int, epoch: Epoch, partitions: int, shards: int) -> Opened:
        opened = self._stored(partition)
        if opened is None:
            self._met_unopened += 1
            self._index.catch_up(partition)
            opened = self._stored(partition)
        if opened is None:
            change = Open(epoch or self._new_epoch(), partitions, shards)
            self._index.submitted(partition, change, self._trials.tried(partition, change))
            opened = self._stored(partition)
        if opened is None:
            raise StoreUnavailable(f"partition {partition} of the index was lost while it was made; try again")
        return opened

    def _stored(self, partition: int) -> Opened | None:
        key = partition_keys(partition).partition
        fields = self.client.hmget(key, ("epoch", "partitions", "shards", "format", "journal"))
        epoch, partitions, shards, stored_format, journal = fields
        if epoch is None:
            return None
        if journal is None:
            raise BackendMismatch(is_index=False)
        return Opened(epoch.decode(), int(partitions), int(shards or DEFAULT_SHARDS), int(stored_format))

    def _require_known(self, opened: Opened) -> None:
        require_known(opened.format, oldest=JOURNALED, newest=JOURNALED)

    def _require_open(self, partitions: Iterable[int]) -> None:
        """Raise `IndexLost` unless the indexes of partitions are there, and whole."""
        numbers = list(partitions)
        pipeline = self.client.pipeline(transaction=False)
        for partition in numbers:
            pipeline.hexists(partition_keys(partition).partition, "epoch")
        for partition, is_open in zip(numbers, pipeline.execute(), strict=True):
            if not is_open:
                raise IndexLost(partition)

    def _another_epoch(self) -> Open:
        return Open(self._new_epoch(), self.count, self.shards, renews=True)


def _restored_keys(partition: int) -> Sequence[str]:
    turns = turn_keys(partition)
    stored = [turns.groups, turns.durables, *group_keys(partition)]
    return [partition_keys(partition).partition, *stored, turns.turn, turns.inbox]
