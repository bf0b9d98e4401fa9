"""Making the index of a partition anew from its journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from eventstore.adapters.redis.keys import TurnKeys, partition_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from eventstore.adapters.journaled.index import Index
    from eventstore.adapters.journaled.partitions import JournaledPartitions
    from eventstore.adapters.redis.connection import Client

__all__ = ["Rebuild"]

_KEPT = frozenset({*TurnKeys._fields, "bell"})
"""What belongs to turns and subscriptions, which are no part of the journal."""

_STEP_KEYS = 500


class Rebuild:
    """Makes indexes of partitions anew. A call that dies is continued by another one.

    Args:
        client: The client of the store.
        index: The index of the journal.
        partitions: The partitions of the store.
    """

    def __init__(self, client: Client, index: Index, partitions: JournaledPartitions) -> None:
        self._client = client
        self._index = index
        self._partitions = partitions

    def partition(self, partition: int, *, progress: Callable[[int, int], None] = lambda _folded, _end: None) -> None:
        """Make the index of a partition anew, under a new epoch: clients start over, since events may be lost.

        Meanwhile nothing is stored in the partition, and readers see the events of which the index was made so far.

        Args:
            partition: The partition.
            progress: Called with the position of the last record that is folded, and that of the end.

        Raises:
            StoreClosed: The store accepts no writes: open it again first.
        """
        # The mark of a closed store is in the index alone.
        self._partitions.require_writable()
        # The epoch comes first: whoever folds the journal from now on gives the partition this one, also if we die.
        self._partitions.write_new_epoch(partition)
        key, ids = partition_keys(partition).partition, partition_keys(partition).ids
        self._client.execute_command("HSET", key, "diverged", "it is being made anew")
        names = [name for name in self._names(partition) if name not in {key, ids}]
        for start in range(0, len(names), _STEP_KEYS):
            self._client.execute_command("UNLINK", *names[start : start + _STEP_KEYS])
        # The partition comes last: as long as it is there, nothing is folded. It says how far the index by id has come,
        # so that goes in the same step: a process that is indexing would add what is there already.
        self._client.execute_command("DEL", key, ids)
        self._index.catch_up(partition, progress=progress)

    def _names(self, partition: int) -> Iterable[str]:
        tag = f"{{p{partition}}}:"
        # Both clients of redis-py have it; a cluster asks all of its nodes.
        for name in cast("Any", self._client).scan_iter(match=f"{tag}*", count=1000):
            if (text := name.decode()).removeprefix(tag) not in _KEPT:
                yield text
