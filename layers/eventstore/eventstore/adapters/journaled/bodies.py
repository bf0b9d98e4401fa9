"""The bodies of events, which are in the records of the journal."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from struct import Struct
from threading import Lock
from typing import TYPE_CHECKING

from eventstore.adapters.journaled.changes import Append, Change, CopyAppends, bodies_of
from eventstore.adapters.journaled.copied import bodies_of_copy
from eventstore.adapters.journaled.records import decoded
from eventstore.adapters.journaled.references import Reference
from eventstore.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.adapters.redis.entries import Entry
    from eventstore.ports.journal import Journal

__all__ = ["JournalBodies"]

_KEPT_BYTES = 16 * 1024 * 1024
"""How much of the newest records a process keeps: who appends events often reads them next, to deliver them."""

_LENGTHS = [Struct(f"<{number}I") for number in range(4)]


class JournalBodies:
    """See `redis.bodies.Bodies`. Threads may share it.

    Args:
        journal: The journal.
        kept_bytes: About how many bytes of bodies are kept in memory.
    """

    def __init__(self, journal: Journal, *, kept_bytes: int = _KEPT_BYTES) -> None:
        self._journal = journal
        self._most_bytes = kept_bytes
        self._lock = Lock()
        self._kept: OrderedDict[tuple[int, int], tuple[bytes, Sequence[bytes]]] = OrderedDict()
        self._size = 0

    def keep(self, partition: int, position: int, mark: bytes, bodies: Sequence[bytes]) -> None:
        """Keep the bodies of a record that is in the journal, for a while.

        Args:
            partition: The partition.
            position: The position of the record.
            mark: What references to it know of its nonce.
            bodies: The bodies.
        """
        with self._lock:
            self._drop(self._kept.pop((partition, position), None))
            self._kept[partition, position] = mark, bodies
            self._size += sum(map(len, bodies))
            while self._size > self._most_bytes:
                self._drop(self._kept.popitem(last=False)[1])

    def filled_in(self, reads: Sequence[tuple[int, Sequence[Entry]]]) -> list[Sequence[Entry]]:
        """See `Bodies.filled_in`."""
        references = [
            (partition, [(entry[0], Reference.unpacked(entry[1][1])) for entry in entries])
            for partition, entries in reads
        ]
        wanted: defaultdict[int, dict[int, bytes]] = defaultdict(dict)
        for partition, entries in references:
            wanted[partition].update((each.position, each.mark) for _, found in entries for each in found)
        bodies = {partition: self._bodies(partition, marks) for partition, marks in wanted.items()}
        return [
            [
                filled
                for entry_id, found in entries
                if (filled := _filled_in(entry_id, [_body(bodies[partition], each) for each in found]))
            ]
            for partition, entries in references
        ]

    def body(self, partition: int, packed: bytes) -> bytes | None:
        """Return the body of an event by the reference to it; None if it was removed."""
        [reference] = Reference.unpacked(packed)
        return _body(self._bodies(partition, {reference.position: reference.mark}), reference)

    def _bodies(self, partition: int, marks: Mapping[int, bytes]) -> dict[int, Sequence[bytes]]:
        """Return the bodies of records, by position; none of one that was erased.

        Args:
            partition: The partition.
            marks: What references know of the nonce of each record, by its position.
        """
        found: dict[int, Sequence[bytes]] = {}
        with self._lock:
            for position, mark in marks.items():
                kept = self._kept.get((partition, position))
                if kept is not None and kept[0] == mark:
                    found[position] = kept[1]
        missing = sorted(marks.keys() - found.keys())
        for position, content in self._journal.fetch(partition, missing) if missing else ():
            record = decoded(content)
            if content is None:
                found[position] = ()
            elif record.mark == marks[position]:
                found[position] = _bodies_of(record.change, position)
                self.keep(partition, position, record.mark, found[position])
            else:
                raise _unlike(position)
        return found

    def _drop(self, kept: tuple[bytes, Sequence[bytes]] | None) -> None:
        if kept is not None:
            self._size -= sum(map(len, kept[1]))


def _bodies_of(change: Change | None, position: int) -> Sequence[bytes]:
    match change:
        case Append():
            return bodies_of(change)
        case CopyAppends():
            return bodies_of_copy(change)
    raise _unlike(position)


def _body(bodies: Mapping[int, Sequence[bytes]], reference: Reference) -> bytes | None:
    found = bodies[reference.position]
    if not found:
        return None
    if reference.event >= len(found) or len(found[reference.event]) != reference.size:
        raise _unlike(reference.position)
    return found[reference.event]


def _filled_in(entry_id: bytes, bodies: Sequence[bytes | None]) -> Entry | None:
    kept = [body for body in bodies if body is not None]
    if len(kept) < len(bodies):
        return None
    *others, _ = kept
    return entry_id, (_LENGTHS[len(others)].pack(*map(len, others)), b"".join(kept))


def _unlike(position: int) -> StoreUnavailable:
    return StoreUnavailable(f"the journal has another record at {position} than the index says; rebuild the index")
