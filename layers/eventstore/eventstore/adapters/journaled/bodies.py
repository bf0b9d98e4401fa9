"""The bodies of events, which are in the records of the journal."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from struct import Struct
from threading import Lock
from typing import TYPE_CHECKING

from eventstore.adapters.journaled.record_bodies import RecordBodies
from eventstore.adapters.journaled.references import REFERENCE_BYTES, References, place_of
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
        kept_bytes: About how many bytes of records are kept in memory.
    """

    def __init__(self, journal: Journal, *, kept_bytes: int = _KEPT_BYTES) -> None:
        self._journal = journal
        self._most_bytes = kept_bytes
        self._lock = Lock()
        self._kept: OrderedDict[tuple[int, int], RecordBodies] = OrderedDict()
        self._size = 0

    def keep(self, partition: int, position: int, record: bytes) -> None:
        """Keep the bodies of a record that is in the journal, for a while.

        Args:
            partition: The partition.
            position: The position of the record.
            record: The record.
        """
        bodies = RecordBodies.of(record)
        if bodies is not None:
            self._keep(partition, {position: bodies})

    def filled_in(self, reads: Sequence[tuple[int, Sequence[Entry]]]) -> list[Sequence[Entry]]:
        """See `Bodies.filled_in`."""
        references = [References.unpacked([packed for _, (_, packed) in entries]) for _, entries in reads]
        wanted: defaultdict[int, dict[int, bytes]] = defaultdict(dict)
        for (partition, _), found in zip(reads, references, strict=True):
            wanted[partition].update(zip(found.positions(), found.marks, strict=True))
        bodies = {partition: self._bodies(partition, marks) for partition, marks in wanted.items()}
        return [
            _filled_in(entries, found, bodies[partition])
            for (partition, entries), found in zip(reads, references, strict=True)
        ]

    def body(self, partition: int, packed: bytes) -> bytes | None:
        """Return the body of an event by the reference to it; None if it was removed."""
        references = References.unpacked([packed])
        marks = dict(zip(references.positions(), references.marks, strict=True))
        return _joined(self._bodies(partition, marks), references.places, references.sizes)

    def _bodies(self, partition: int, marks: Mapping[int, bytes]) -> dict[int, RecordBodies | None]:
        """Return the bodies of records, by position; None of one that was erased.

        Args:
            partition: The partition.
            marks: What references know of the nonce of each record, by its position.
        """
        found: dict[int, RecordBodies | None] = {}
        with self._lock:
            for position, mark in marks.items():
                kept = self._kept.get((partition, position))
                if kept is not None and kept.mark == mark:
                    found[position] = kept
        missing = sorted(marks.keys() - found.keys())
        if missing:
            fetched = self._fetched(partition, missing, marks)
            self._keep(partition, fetched)
            found |= fetched
        return found

    def _fetched(
        self, partition: int, positions: Sequence[int], marks: Mapping[int, bytes]
    ) -> dict[int, RecordBodies | None]:
        """Return what `_bodies` returns, from the journal."""
        fetched: dict[int, RecordBodies | None] = {}
        for position, record in self._journal.fetch(partition, positions):
            bodies = None if record is None else RecordBodies.of(record)
            if record is not None and (bodies is None or bodies.mark != marks[position]):
                raise _unlike(position)
            fetched[position] = bodies
        return fetched

    def _keep(self, partition: int, bodies: Mapping[int, RecordBodies | None]) -> None:
        with self._lock:
            for position, kept in bodies.items():
                if kept is None:
                    continue
                self._drop(self._kept.pop((partition, position), None))
                self._kept[partition, position] = kept
                self._size += len(kept.record)
            while self._size > self._most_bytes:
                self._drop(self._kept.popitem(last=False)[1])

    def _drop(self, kept: RecordBodies | None) -> None:
        if kept is not None:
            self._size -= len(kept.record)


def _filled_in(
    entries: Sequence[Entry], references: References, bodies: Mapping[int, RecordBodies | None]
) -> list[Entry]:
    """Return entries with the bodies that their references name, without those of which one was removed.

    Args:
        entries: The entries.
        references: The references of all entries.
        bodies: The bodies of records, by position; None of one that was erased.
    """
    places, sizes, _ = references
    filled: list[Entry] = []
    start = 0
    for entry_id, (_, packed) in entries:
        end = start + len(packed) // REFERENCE_BYTES
        value = _joined(bodies, places[start:end], sizes[start:end])
        if value is not None:
            filled.append((entry_id, (_LENGTHS[end - start - 1].pack(*sizes[start : end - 1]), value)))
        start = end
    return filled


def _joined(bodies: Mapping[int, RecordBodies | None], places: Sequence[int], sizes: Sequence[int]) -> bytes | None:
    """Return the bodies of the events of an entry, joined; None if one of them was removed."""
    first = places[0]
    if len(places) > 1 and places != tuple(range(first, first + len(places))):
        # One of them was stored before, by another record.
        each = (_joined(bodies, (place,), (size,)) for place, size in zip(places, sizes, strict=True))
        parts = [part for part in each if part is not None]
        return b"".join(parts) if len(parts) == len(places) else None
    position, event = place_of(first)
    record = bodies[position]
    if record is None:
        return None
    joined = record.between(event, sizes)
    if joined is None:
        raise _unlike(position)
    return joined


def _unlike(position: int) -> StoreUnavailable:
    return StoreUnavailable(f"the journal has another record at {position} than the index says; rebuild the index")
