"""The bodies of events, which are in the records of the journal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from struct import Struct
from typing import TYPE_CHECKING

from eventstore.adapters.journaled.record_bodies import RecordBodies
from eventstore.adapters.journaled.references import REFERENCE_BYTES, References, place_of
from eventstore.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.journaled.kept_bodies import KeptBodies
    from eventstore.adapters.journaled.window import Window
    from eventstore.adapters.redis.direct import Command
    from eventstore.adapters.redis.entries import Entry
    from eventstore.ports.journal import Journal

__all__ = ["JournalBodies"]

_LENGTHS = [Struct(f"<{number}I") for number in range(4)]

_Marks = Mapping[int, bytes]
"""What references know of the nonce of each record, by its position."""


class JournalBodies:
    """See `redis.bodies.Bodies`. Threads may share it.

    Bodies are looked for in memory, then in the window, and last in the journal.

    Args:
        journal: The journal.
        kept: Keeps bodies in memory.
        window: Copies of the newest records in Redis; None if the journal is fast enough.
    """

    def __init__(self, journal: Journal, *, kept: KeptBodies, window: Window | None) -> None:
        self._journal = journal
        self._kept = kept
        self._window = window

    def keep(self, partition: int, position: int, record: bytes) -> Sequence[Command]:
        """Keep the bodies of a record that is in the journal, for a while.

        Args:
            partition: The partition.
            position: The position of the record.
            record: The record, which appends events.

        Returns:
            The commands of Redis that keep it for other processes, too.
        """
        self._kept.keep(partition, {position: RecordBodies.of(record)})
        return () if self._window is None else self._window.commands(partition, position, record)

    def answered(self, commands: Sequence[Command], answers: Sequence[object]) -> None:
        """Take in the answers of commands that `keep` has returned; none if they are not known."""
        if self._window is not None:
            self._window.answered(commands, answers)

    def filled_in(self, reads: Sequence[tuple[int, Sequence[Entry]]]) -> list[Sequence[Entry]]:
        """See `Bodies.filled_in`."""
        references = [References.unpacked([packed for _, (_, packed) in entries]) for _, entries in reads]
        wanted: defaultdict[int, dict[int, bytes]] = defaultdict(dict)
        for (partition, _), found in zip(reads, references, strict=True):
            wanted[partition].update(zip(found.positions(), found.marks, strict=True))
        bodies = self._bodies(wanted)
        return [
            _filled_in(entries, found, bodies[partition])
            for (partition, entries), found in zip(reads, references, strict=True)
        ]

    def body(self, partition: int, packed: bytes) -> bytes | None:
        """Return the body of an event by the reference to it; None if it was removed."""
        references = References.unpacked([packed])
        marks = dict(zip(references.positions(), references.marks, strict=True))
        return _joined(self._bodies({partition: marks})[partition], references.places, references.sizes)

    def _bodies(self, wanted: Mapping[int, _Marks]) -> dict[int, dict[int, RecordBodies | None]]:
        """Return the bodies of records, by partition and position; None of one that was erased."""
        bodies = {partition: self._kept.of(partition, marks) for partition, marks in wanted.items()}
        for look in (self._in_window, self._in_journal):
            missing = {p: marks for p in wanted if (marks := _without(wanted[p], bodies[p]))}
            for partition, found in (look(missing) if missing else {}).items():
                self._kept.keep(partition, found)
                bodies[partition] |= found
        return bodies

    def _in_window(self, wanted: Mapping[int, _Marks]) -> dict[int, dict[int, RecordBodies | None]]:
        """Return bodies as `_bodies` does, but only those of which there are copies."""
        if self._window is None:
            return {}
        copies = self._window.records({partition: list(marks) for partition, marks in wanted.items()})
        found = {p: {at: RecordBodies.of(record) for at, record in records.items()} for p, records in copies.items()}
        # One with another mark is of another history of the journal.
        return {
            p: {at: each for at, each in bodies.items() if each is not None and each.mark == wanted[p][at]}
            for p, bodies in found.items()
        }

    def _in_journal(self, wanted: Mapping[int, _Marks]) -> dict[int, dict[int, RecordBodies | None]]:
        """Return what `_bodies` returns, from the journal."""
        return {partition: self._fetched(partition, marks) for partition, marks in wanted.items()}

    def _fetched(self, partition: int, marks: _Marks) -> dict[int, RecordBodies | None]:
        fetched: dict[int, RecordBodies | None] = {}
        for position, record in self._journal.fetch(partition, sorted(marks)):
            bodies = None if record is None else RecordBodies.of(record)
            if record is not None and (bodies is None or bodies.mark != marks[position]):
                raise _unlike(position)
            fetched[position] = bodies
        return fetched


def _without(marks: _Marks, found: Mapping[int, RecordBodies | None]) -> _Marks:
    """Return the marks of the records whose bodies are not found yet."""
    return {position: mark for position, mark in marks.items() if position not in found} if found else marks


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
