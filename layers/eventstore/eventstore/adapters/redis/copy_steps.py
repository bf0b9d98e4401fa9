"""The steps that make a store the copy of another one: values, as those of a log are (`steps`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis.entries import entries_of, id_of_entry
from eventstore.adapters.redis.keys import partition_keys, stream_keys, turn_keys
from eventstore.adapters.redis.steps import Step
from eventstore.positions import BEGINNING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eventstore.ports.copied_values import CopiedAppend, CopiedPartition, CopiedStream
    from eventstore.streams import StreamName

__all__ = [
    "batches_of",
    "copy_appends_step",
    "copy_partition_keys",
    "copy_partition_steps",
    "copy_stream_keys",
    "copy_stream_step",
    "take_over_step",
]

_MOST_ARGUMENTS = 3000
"""The maximum number of keys and arguments per command; ElastiCache Serverless accepts 3,999."""

_REMOVALS = 1000

_NO_TIME = ""
"""In the place of the time, which only a journal appends (lua/journal/fold.lua)."""


def batches_of(appends: Sequence[CopiedAppend], *, most_bytes: int) -> Iterator[list[CopiedAppend]]:
    """Yield appends in batches that fit into one command each.

    Args:
        appends: The appends.
        most_bytes: About the maximum size of a batch; one append may be larger.
    """
    batch: list[CopiedAppend] = []
    arguments = size = 0
    for append in appends:
        own_arguments = 10 + 2 * len(append.digests) + 2 * len(append.bodies)
        own_size = len(append.keys) + sum(map(len, append.bodies)) + sum(map(len, append.digests.values()))
        if batch and (arguments + own_arguments > _MOST_ARGUMENTS or size + own_size > most_bytes):
            yield batch
            batch, arguments, size = [], 0, 0
        batch.append(append)
        arguments, size = arguments + own_arguments, size + own_size
    if batch:
        yield batch


def copy_appends_step(partition: int, appends: Sequence[CopiedAppend], stored: Sequence[Sequence[bytes]]) -> Step:
    """Return the step of lua/copy/append.lua, without the time.

    Args:
        partition: The partition.
        appends: The appends.
        stored: What is stored in the place of the bodies of each append.
    """
    log = partition_keys(partition)
    keys, arguments = [log.log, log.streams], list[Any]([_NO_TIME])
    for append, bodies in zip(appends, stored, strict=True):
        keys += stream_keys(partition, append.stream)
        digests = [part for chunk in append.digests.items() for part in chunk]
        entries = entries_of(bodies) if len(bodies) > 1 else [b"", *bodies]
        size = sum(map(len, append.bodies))
        arguments += (id_of_entry(append.position), append.base, append.first, append.keys, size)
        arguments += (len(digests), *digests, len(entries), *entries)
    return Step(keys, arguments)


def copy_stream_step(partition: int, copied: CopiedStream) -> Step:
    """Return the step of lua/copy/stream.lua."""
    *fields, gone = copied
    return Step(copy_stream_keys(partition, copied.name), (*fields, int(gone)))


def copy_stream_keys(partition: int, stream: StreamName) -> Sequence[str]:
    """Return the keys of lua/copy/stream.lua."""
    log, keys = partition_keys(partition), stream_keys(partition, stream)
    return [keys.events, keys.state, log.streams, log.limits, log.deleted]


def copy_partition_steps(partition: int, copied: CopiedPartition) -> Iterator[Step]:
    """Yield the steps of lua/copy/partition.lua, one after the other, without the time."""
    removals = copied.removals
    for start in range(0, len(removals) or 1, _REMOVALS):
        members = [part for removal in removals[start : start + _REMOVALS] for part in removal]
        arguments = (_NO_TIME, id_of_entry(copied.end), *copied.serials, int(start == 0), *members)
        yield Step(copy_partition_keys(partition), arguments)


def copy_partition_keys(partition: int) -> Sequence[str]:
    """Return the keys of lua/copy/partition.lua."""
    log = partition_keys(partition)
    return [log.partition, log.trimmed, log.log]


def take_over_step(partition: int, copied: CopiedPartition) -> Step:
    """Return the step of lua/copy/take_over.lua."""
    checkpoint = "" if copied.checkpoint == BEGINNING else id_of_entry(copied.checkpoint)
    return Step([turn_keys(partition).turn], (checkpoint,))
