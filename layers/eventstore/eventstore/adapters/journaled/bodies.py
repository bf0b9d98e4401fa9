"""The bodies of events, which are in the records of the journal."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from struct import Struct
from threading import Lock
from typing import TYPE_CHECKING

from eventstore.adapters.journaled.records import REFERENCE, Append, bodies_of, decoded
from eventstore.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
        self._kept: OrderedDict[tuple[int, int], Sequence[bytes]] = OrderedDict()
        self._size = 0

    def keep(self, partition: int, position: int, bodies: Sequence[bytes]) -> None:
        """Keep the bodies of a record that is in the journal, for a while."""
        size = sum(map(len, bodies))
        with self._lock:
            if (partition, position) in self._kept:
                return
            self._kept[partition, position] = bodies
            self._size += size
            while self._size > self._most_bytes and self._kept:
                _, dropped = self._kept.popitem(last=False)
                self._size -= sum(map(len, dropped))

    def filled_in(self, reads: Sequence[tuple[int, Sequence[Entry]]]) -> list[Sequence[Entry]]:
        """See `Bodies.filled_in`."""
        positions: defaultdict[int, set[int]] = defaultdict(set)
        references = [
            (partition, [(entry[0], list(REFERENCE.iter_unpack(entry[1][1]))) for entry in entries])
            for partition, entries in reads
        ]
        for partition, entries in references:
            positions[partition].update(position for _, found in entries for position, _, _ in found)
        bodies = {partition: self._bodies(partition, wanted) for partition, wanted in positions.items()}
        return [
            [
                filled
                for entry_id, found in entries
                if (filled := _filled_in(entry_id, [_body(bodies[partition], *place) for place in found]))
            ]
            for partition, entries in references
        ]

    def body(self, partition: int, reference: bytes) -> bytes | None:
        """Return the body of an event by the reference to it; None if it was removed."""
        position, index, size = REFERENCE.unpack(reference)
        return _body(self._bodies(partition, [position]), position, index, size)

    def _bodies(self, partition: int, positions: Iterable[int]) -> dict[int, Sequence[bytes]]:
        """Return the bodies of each record, by its position; none of one that was erased."""
        with self._lock:
            found = {at: bodies for at in positions if (bodies := self._kept.get((partition, at))) is not None}
        missing = sorted(set(positions) - found.keys())
        for position, content in self._journal.fetch(partition, missing) if missing else ():
            change = decoded(content).change
            if content is not None and not isinstance(change, Append):
                raise _unlike(position)
            found[position] = bodies_of(change) if isinstance(change, Append) else ()
            self.keep(partition, position, found[position])
        return found


def _body(bodies: dict[int, Sequence[bytes]], position: int, index: int, size: int) -> bytes | None:
    found = bodies[position]
    if not found:
        return None
    if index >= len(found) or len(found[index]) != size:
        raise _unlike(position)
    return found[index]


def _filled_in(entry_id: bytes, bodies: Sequence[bytes | None]) -> Entry | None:
    kept = [body for body in bodies if body is not None]
    if len(kept) < len(bodies):
        return None
    *others, _ = kept
    return entry_id, (_LENGTHS[len(others)].pack(*map(len, others)), b"".join(kept))


def _unlike(position: int) -> StoreUnavailable:
    return StoreUnavailable(f"the journal has another record at {position} than the index says; rebuild the index")
