"""How far each partition was dispatched, in which of them somebody subscribes, and which have something to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.adapters.redis.entries import end_of_entry
from eventstore.adapters.redis.keys import partition_keys, turn_keys
from eventstore.adapters.redis.scripts import Script
from eventstore.positions import END_OF_APPEND, Position

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.adapters.redis.partitions import Partitions

__all__ = ["Checkpoints"]

_START_OF_LOG = Position(0, 0, END_OF_APPEND)


class Checkpoints:
    """The checkpoints of all partitions of a store.

    Args:
        partitions: The partitions of the store.
    """

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions
        self._advance = Script("dispatch/advance", "shared/bell")

    def reached(self) -> Mapping[int, Position]:
        """See `Turns.reached`."""
        partitions = range(self._partitions.count)
        pipeline = self._partitions.client.pipeline(transaction=False)
        for partition in partitions:
            pipeline.hget(turn_keys(partition).turn, "done")
        return {p: _checkpoint(done) for p, done in zip(partitions, pipeline.execute(), strict=True)}

    def waiting(self) -> Sequence[int]:
        """See `Turns.waiting`."""
        partitions = range(self._partitions.count)
        pipeline = self._partitions.client.pipeline(transaction=False)
        for partition in partitions:
            keys = turn_keys(partition)
            pipeline.hget(keys.turn, "done")
            pipeline.xrevrange(partition_keys(partition).log, count=1)
            pipeline.exists(keys.behind, keys.groups)
            pipeline.exists(keys.terms)
            pipeline.hexists(keys.turn, "dispatcher")
        answers = iter(pipeline.execute())
        return [
            partition
            for partition, done, newest, always, live, leased in zip(partitions, *[answers] * 5, strict=True)
            if always or ((live or leased) and newest and end_of_entry(newest[0][0]) > _checkpoint(done))
        ]

    def subscribed(self) -> Sequence[int]:
        """See `Turns.subscribed`."""
        partitions = range(self._partitions.count)
        pipeline = self._partitions.client.pipeline(transaction=False)
        for partition in partitions:
            keys = turn_keys(partition)
            # As in lua/shared/bell.lua.
            pipeline.exists(keys.behind, keys.terms, keys.groups)
            pipeline.hexists(keys.turn, "dispatcher")
        answers = iter(pipeline.execute())
        return [p for p, stored, leased in zip(partitions, answers, answers, strict=True) if stored or leased]

    def advance(self) -> None:
        """See `Turns.advance`."""
        calls = [(_advance_keys(partition), ()) for partition in range(self._partitions.count)]
        self._advance.each(self._partitions.client, calls)


def _checkpoint(done: bytes | None) -> Position:
    return end_of_entry(done) if done else _START_OF_LOG


def _advance_keys(partition: int) -> Sequence[str]:
    log, keys = partition_keys(partition), turn_keys(partition)
    return keys.turn, log.bell, log.log, keys.behind, keys.terms, keys.groups
