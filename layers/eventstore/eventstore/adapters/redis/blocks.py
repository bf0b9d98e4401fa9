"""An index of attributes: for each few hundred events of a partition's log, which values stand in them.

A block covers the entries of the log behind the block before it, up to the entry that is its id, and holds a Bloom
filter of its events' attributes. So a reader that looks for a rare value passes over hundreds of events by one look.
The filter may hold a value that none of its events has, which costs a reader time; it never lacks one that one has.

The sweep makes blocks of what was appended since (`Log.index`), for appends are many and selective reads are few.
Behind the last block, events are read one by one.
"""

from __future__ import annotations

import json
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from redis.exceptions import ResponseError

from eventstore.adapters.redis.entries import LAST, REACH, sequence_and_time
from eventstore.adapters.redis.keys import partition_keys
from eventstore.adapters.redis.scripts import Script
from eventstore.cloudevents import attributes_of
from eventstore.cloudevents.event import canonical
from eventstore.positions import BEGINNING, WHOLE, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from eventstore.adapters.redis.connection import Client
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
"""The attributes that blocks tell of: those that a read can ask for by a parameter.

A list of its own, not `filters.parameters.ATTRIBUTES`: blocks are stored. The blocks that stand know nothing of an
attribute that is added here later, and a read that asks for it would pass over its events. A new parameter is safe: a
clause on an attribute that is not in this list is looked up in no block.
"""

_EVENTS = 256
"""Events of a block, and some more: those of its last append. A match costs a reader that many events."""

_AT_ONCE = 256
_BITS = 10
"""Bits of a filter for each value: with four probes, one look in 80 is in vain."""
_PROBES = 4

_SEQUENCES = 1 << 52
"""Beyond every sequence; Lua counts exactly up to twice that."""

_LOOKS = 2048
"""Blocks that one step looks at: half a million events, in about a millisecond."""


class Blocks:
    """The blocks of a store's partitions."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._skip = Script("log/skip")
        self._bisect = Script("log/bisect")

    def skip(self, after: Mapping[int, Position], clauses: Clauses, *, backwards: bool) -> dict[int, Position]:
        """From where on, of each partition, an event may fulfil the clauses, as far as blocks tell."""
        known = [clause for clause in clauses if all(name in INDEXED for name, _ in clause)]
        if not known:
            return dict(after)
        terms = json.dumps([[_term(name, value) for name, value in clause] for clause in known])
        answers = self._skip.each(
            self._client,
            [
                ([partition_keys(p).blocks], (f"{at.time}-{at.order}", int(backwards), terms, _LOOKS))
                for p, at in after.items()
            ],
        )
        found = {}
        for (partition, at), answer in zip(after.items(), answers, strict=True):
            found[partition] = _beyond(at, answer, backwards=backwards) if answer else at
        return found

    def skip_in_stream(
        self, partition: int, events: str, window: tuple[int, int], clauses: Clauses, *, backwards: bool
    ) -> tuple[int, int]:
        """What is left of a window of sequences without the events that blocks pass over, at its nearer end.

        Args:
            partition: The stream's.
            events: The key of its events.
            window: The first and the last sequence that are wanted.
            clauses: What is looked for.
            backwards: The reader comes from the last one.
        """
        start, stop = window
        if backwards:
            nearest = self._client.xrevrange(events, min(stop + REACH, LAST), start, count=1)
        else:
            nearest = self._client.xrange(events, start, min(stop + REACH, LAST), count=1)
        if not nearest:
            return window
        sequence, time = sequence_and_time(nearest[0][0])
        # From the first entry of that millisecond on, or from the last one back.
        at = Position(time, LAST, WHOLE) if backwards else Position(time, 0, 0)
        reached = self.skip({partition: at}, clauses, backwards=backwards)[partition]
        if reached.time == at.time:
            return window
        if backwards:
            last = self._bisect(self._client, [events], (start, sequence, reached.time + 1))
            return start, min(stop, int(last))
        last = self._bisect(self._client, [events], (start, min(stop, _SEQUENCES), reached.time))
        return int(last) + 1, stop

    def extend(self, partition: int, read: Callable[[Position, int], Tail], *, may_go_on: Callable[[], bool]) -> bool:
        """Make blocks of what was appended since the last one; whether all of it is covered that fills a block.

        Args:
            partition: Whose log.
            read: Reads so many events of it from a position on.
            may_go_on: Whether there is time for another block.
        """
        keys = partition_keys(partition)
        pipeline = self._client.pipeline(transaction=False)
        pipeline.xrevrange(keys.blocks, count=1)
        pipeline.xrange(keys.log, count=1)
        newest, oldest = pipeline.execute()
        if newest:
            # What was removed from the log needs no block.
            least = oldest[0][0] if oldest else _after(newest[0][0])
            self._client.execute_command("XTRIM", keys.blocks, "MINID", least)
        position = Position(*sequence_and_time(newest[0][0]), WHOLE) if newest else BEGINNING
        while may_go_on():
            terms: set[tuple[int, int]] = set()
            count = 0
            last: tuple[int, int] | None = None
            end: tuple[int, int] | None = None
            while count < _EVENTS or end is None:
                tail = read(position, _AT_ONCE)
                for at, event in tail.events:
                    entry = at.time, at.order
                    if entry != last:
                        # The last append may go on behind what was read: the block ends before it.
                        last, end = entry, last
                    terms |= _terms(event.body)
                count += len(tail.events)
                position = tail.position
                if tail.at_end and (count < _EVENTS or end is None):
                    return True
            self._add(keys.blocks, end, terms)
            position = Position(*end, WHOLE)
        return False

    def _add(self, key: str, end: tuple[int, int], terms: Collection[tuple[int, int]]) -> None:
        try:
            self._client.execute_command("XADD", key, f"{end[0]}-{end[1]}", "b", bloom_of(terms))
        except ResponseError as error:
            # Somebody else has covered this and more by now.
            if "equal or smaller" not in str(error):
                raise


def bloom_of(terms: Collection[tuple[int, int]]) -> bytes:
    """A Bloom filter that has the terms; skip.lua reads it."""
    size = (len(terms) * _BITS + 7) // 8
    filled = bytearray(size)
    for start, step in terms:
        for probe in range(_PROBES):
            at = (start + probe * step) % (size * 8)
            filled[at >> 3] |= 1 << (at & 7)
    return bytes(filled)


def _terms(body: bytes) -> set[tuple[int, int]]:
    attributes = attributes_of(body)
    return {_term(name, canonical(attributes[name])) for name in INDEXED & attributes.keys()}


@lru_cache(maxsize=8192)
def _term(name: str, value: str) -> tuple[int, int]:
    digest = blake2b(f"{name}\0{value}".encode(errors="replace"), digest_size=8).digest()
    # Odd, so that no two probes of a term are the same bit of a filter of whole bytes.
    return int.from_bytes(digest[:4]), int.from_bytes(digest[4:]) | 1


def _beyond(at: Position, entry: bytes, *, backwards: bool) -> Position:
    time, order = sequence_and_time(entry)
    if not backwards:
        return max(at, Position(time, order, WHOLE))
    # Right behind the entry; the beginning has none before it.
    return min(at, Position(time, order + 1, 0) if time else BEGINNING)


def _after(entry: bytes) -> str:
    time, order = sequence_and_time(entry)
    return f"{time}-{order + 1}"
