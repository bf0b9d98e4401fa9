"""The index of attribute values: a Bloom filter for every few hundred events of a partition's log.

A block covers the entries of the log after the previous block, up to the entry that has its id. It holds a Bloom filter
of the attributes of its events, so a reader that searches a rare value skips hundreds of events with one test. A filter
may report a value that none of its events has, which costs a reader time; it never misses a value.

The sweep adds blocks for new events (`Log.index`), because appends are many and selective reads are few. Events after
the last block are read one by one.
"""

from __future__ import annotations

import json
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from redis.exceptions import ResponseError

from eventstore.adapters.redis.entries import LAST, REACH, end_of_entry, id_of_entry, sequence_and_time
from eventstore.adapters.redis.keys import partition_keys
from eventstore.adapters.redis.scripts import Script
from eventstore.cloudevents import attributes_of
from eventstore.cloudevents.event import canonical
from eventstore.positions import BEGINNING, END_OF_APPEND, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.keys import StreamKeys
    from eventstore.filters.clauses import Clauses
    from eventstore.ports import Tail

__all__ = ["INDEXED", "Blocks", "bloom_of"]

INDEXED = frozenset(
    {
        "type",
        "source",
        "subject",
        "workflowid",
        "executionid",
        "taskid",
        "tenantid",
        "correlationid",
        "causationid",
    }
)
"""The indexed attributes: those that a read can select by a parameter.

The list is not `filters.parameters.ATTRIBUTES` because blocks are stored. Stored blocks do not hold an attribute that
is added here later, so a read that selects by it would skip matching events. A new parameter is safe: clauses on
attributes that are not in this list do not use the blocks.
"""

_EVENTS = 256
"""The minimum number of events of a block, which ends with a whole append. A match makes a reader read all of them."""

_STEP_EVENTS = 256
_BITS = 10
"""The bits of a filter per value: with four probes, the rate of false positives is one in 80."""
_PROBES = 4

_SEQUENCES = 1 << 52
"""Greater than every sequence; Lua numbers are exact up to twice this."""

_MAX_BLOCKS = 2048
"""The maximum number of blocks that one script call tests: half a million events, in about a millisecond."""


class Blocks:
    """The blocks of a store's partitions."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._skip = Script("log/skip")
        self._bisect = Script("log/bisect")
        self._add = Script("log/add_block")

    def skip(self, after: Mapping[int, Position], clauses: Clauses, *, backwards: bool) -> dict[int, Position]:
        """Skip the events that cannot fulfil the clauses, as far as the blocks show.

        Args:
            after: The position where reading starts, per partition.
            clauses: The clauses that events must fulfil.
            backwards: Whether the caller reads backwards.

        Returns:
            The position where reading can start, per partition.
        """
        known = [clause for clause in clauses if all(name in INDEXED for name, _ in clause)]
        if not known:
            return dict(after)
        terms = json.dumps([[_term(name, value) for name, value in clause] for clause in known])
        answers = self._skip.each(
            self._client,
            [
                ([partition_keys(p).blocks], (id_of_entry(position), int(backwards), terms, _MAX_BLOCKS))
                for p, position in after.items()
            ],
        )
        positions = {}
        for (partition, position), entry_id in zip(after.items(), answers, strict=True):
            positions[partition] = _move_past(position, entry_id, backwards=backwards) if entry_id else position
        return positions

    def skip_in_stream(
        self, partition: int, keys: StreamKeys, window: tuple[int, int], clauses: Clauses, *, backwards: bool
    ) -> tuple[int, int]:
        """Narrow a range of sequences, at the end where reading starts, by the events that blocks exclude.

        Args:
            partition: The partition of the stream.
            keys: The keys of the stream.
            window: The first and last sequence to read.
            clauses: The clauses that events must fulfil.
            backwards: Whether reading starts at the last sequence.

        Returns:
            The first and last sequence that are left to read.
        """
        start, stop = window
        events = keys.events
        if backwards:
            nearest = self._client.xrevrange(events, min(stop + REACH, LAST), start, count=1)
        else:
            nearest = self._client.xrange(events, start, min(stop + REACH, LAST), count=1)
        if not nearest:
            return window
        sequence, time = sequence_and_time(nearest[0][0])
        if not backwards and sequence - len(nearest[0][1][0]) // 4 > start:
            # What comes first was removed, or is cold: it is not in the stream that is searched.
            return window
        # The start of that millisecond in the log, or its end.
        position = Position(time, LAST, END_OF_APPEND) if backwards else Position(time, 0, 0)
        reached = self.skip({partition: position}, clauses, backwards=backwards)[partition]
        if reached.major == position.major:
            return window
        if backwards:
            last = self._bisect(self._client, [events], (start, sequence, reached.major + 1))
            # Cold events are not searched. This is read last, for an event may become cold at any time.
            return start, min(stop, max(int(last), int(self._client.hget(keys.state, "cold") or 0)))
        last = self._bisect(self._client, [events], (start, min(stop, _SEQUENCES), reached.major))
        return int(last) + 1, stop

    def extend(
        self,
        partition: int,
        read: Callable[[Position, int], Tail],
        *,
        count_after: Callable[[Position, int], int],
        may_go_on: Callable[[], bool],
    ) -> bool:
        """Add blocks for the events after the last block, as far as they fill blocks.

        Args:
            partition: The partition to index.
            read: Reads a number of events of the partition after a position.
            count_after: Counts the events after a position, up to a number. It reads none of them: too few make no
                block, and they may be in the archive alone.
            may_go_on: Whether there is time for another block.

        Returns:
            Whether all full blocks were added.
        """
        keys = partition_keys(partition)
        pipeline = self._client.pipeline(transaction=False)
        pipeline.xrevrange(keys.blocks, count=1)
        pipeline.xrange(keys.log, count=1)
        newest, oldest = pipeline.execute()
        before = b""
        if newest:
            # Blocks of events that were removed from the log are removed, too.
            minimum = oldest[0][0] if oldest else _next_id(newest[0][0])
            self._client.execute_command("XTRIM", keys.blocks, "MINID", minimum)
            if sequence_and_time(newest[0][0]) >= sequence_and_time(minimum):
                before = newest[0][0]
        position = end_of_entry(newest[0][0]) if newest else BEGINNING
        while may_go_on():
            if count_after(position, _EVENTS) < _EVENTS:
                return True
            terms: set[tuple[int, int]] = set()
            count = 0
            last: tuple[int, int] | None = None
            end: tuple[int, int] | None = None
            while count < _EVENTS or end is None:
                tail = read(position, _STEP_EVENTS)
                for event_position, event in tail.events:
                    entry = event_position.major, event_position.minor
                    if entry != last:
                        # More events of the last append may follow: the block ends before it.
                        last, end = entry, last
                    terms |= _terms(event.body)
                count += len(tail.events)
                position = tail.position
                if tail.at_end and (count < _EVENTS or end is None):
                    return True
            if not self._added(keys.blocks, before, end, terms):
                # Another process has added this block, or the blocks before it were lost.
                return True
            before = b"%d-%d" % end
            position = Position(*end, END_OF_APPEND)
        return False

    def _added(self, key: str, before: bytes, end: tuple[int, int], terms: Collection[tuple[int, int]]) -> bool:
        """Add a block, and return whether it was added; not unless the newest one is that before it."""
        try:
            return bool(self._add(self._client, [key], [before, b"%d-%d" % end, bloom_of(terms)]))
        except ResponseError as error:
            # There were later ones, which were removed.
            if "equal or smaller" not in str(error):
                raise
            return False


def bloom_of(terms: Collection[tuple[int, int]]) -> bytes:
    """Return a Bloom filter of the terms, which skip.lua reads."""
    size = (len(terms) * _BITS + 7) // 8
    bits = bytearray(size)
    for start, step in terms:
        for probe in range(_PROBES):
            bit = (start + probe * step) % (size * 8)
            bits[bit >> 3] |= 1 << (bit & 7)
    return bytes(bits)


def _terms(body: bytes) -> set[tuple[int, int]]:
    attributes = attributes_of(body)
    return {_term(name, canonical(attributes[name])) for name in INDEXED & attributes.keys()}


@lru_cache(maxsize=8192)
def _term(name: str, value: str) -> tuple[int, int]:
    digest = blake2b(f"{name}\0{value}".encode(errors="replace"), digest_size=8).digest()
    # An odd step, so that the probes of a term are different bits of a filter of whole bytes.
    return int.from_bytes(digest[:4]), int.from_bytes(digest[4:]) | 1


def _move_past(position: Position, entry_id: bytes, *, backwards: bool) -> Position:
    time, order = sequence_and_time(entry_id)
    if not backwards:
        return max(position, Position(time, order, END_OF_APPEND))
    # Right after the entry; 0-0 is the beginning of the log.
    return min(position, Position(time, order + 1, 0) if time else BEGINNING)


def _next_id(entry_id: bytes) -> bytes:
    time, order = sequence_and_time(entry_id)
    return b"%d-%d" % (time, order + 1)
