"""The `Journal` in memory, for tests."""

from __future__ import annotations

from collections import defaultdict
from threading import Lock
from typing import TYPE_CHECKING

from eventstore.adapters.journal_errors import beyond_the_end
from eventstore.errors import TooLarge
from eventstore.ports.journal import JournalEnd, JournalRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MemoryJournal"]


class MemoryJournal:
    """See `ports.journal.Journal`.

    Args:
        most_bytes: The largest record.
        identity: Of each partition.
        is_costly_to_fetch: What it says of itself.
    """

    def __init__(
        self, *, most_bytes: int = 1024 * 1024, identity: str = "memory", is_costly_to_fetch: bool = False
    ) -> None:
        self._most_bytes = most_bytes
        self._identity = identity
        self._is_costly_to_fetch = is_costly_to_fetch
        self._lock = Lock()
        self._records: defaultdict[int, list[bytes | None]] = defaultdict(list)

    @property
    def most_bytes(self) -> int:
        """See `Journal.most_bytes`."""
        return self._most_bytes

    @property
    def erases(self) -> bool:
        """See `Journal.erases`."""
        return True

    @property
    def is_costly_to_fetch(self) -> bool:
        """See `Journal.is_costly_to_fetch`."""
        return self._is_costly_to_fetch

    def append(self, partition: int, record: bytes) -> int:
        """See `Journal.append`."""
        if len(record) > self._most_bytes:
            raise TooLarge(f"a record has {len(record)} bytes; the journal accepts {self._most_bytes}")
        with self._lock:
            records = self._records[partition]
            records.append(record)
            return len(records)

    def read(self, partition: int, *, after: int, count: int) -> Sequence[JournalRecord]:
        """See `Journal.read`."""
        with self._lock:
            found = self._records[partition][after : after + count]
        return [JournalRecord(position, content) for position, content in enumerate(found, after + 1)]

    def fetch(self, partition: int, positions: Sequence[int]) -> Sequence[JournalRecord]:
        """See `Journal.fetch`."""
        with self._lock:
            records = self._records[partition]
            if positions and positions[-1] > len(records):
                raise beyond_the_end(partition, positions[-1], len(records))
            return [JournalRecord(position, records[position - 1]) for position in positions]

    def end(self, partition: int) -> JournalEnd:
        """See `Journal.end`."""
        with self._lock:
            return JournalEnd(self._identity, len(self._records[partition]))

    def erase(self, partition: int, position: int) -> None:
        """See `Journal.erase`."""
        with self._lock:
            records = self._records[partition]
            if 0 < position <= len(records):
                records[position - 1] = None

    def close(self) -> None:
        """See `Journal.close`."""
