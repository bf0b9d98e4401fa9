"""The bodies of the newest records that a process has written or read, in its memory."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.adapters.journaled.record_bodies import RecordBodies

__all__ = ["KEPT_BYTES", "KeptBodies"]

KEPT_BYTES = 16 * 1024 * 1024
"""How much of the newest records a process keeps: who appends events often reads them next, to deliver them."""


class KeptBodies:
    """Keeps the bodies of records. Threads may share it.

    Args:
        most_bytes: About how many bytes of records are kept.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._lock = Lock()
        self._kept: OrderedDict[tuple[int, int], RecordBodies] = OrderedDict()
        self._size = 0

    def keep(self, partition: int, bodies: Mapping[int, RecordBodies | None]) -> None:
        """Keep the bodies of records, by their positions, for a while; not those of one that was erased."""
        with self._lock:
            for position, kept in bodies.items():
                if kept is not None:
                    self._drop(self._kept.pop((partition, position), None))
                    self._kept[partition, position] = kept
                    self._size += len(kept.record)
            while self._size > self._most_bytes:
                self._drop(self._kept.popitem(last=False)[1])

    def of(self, partition: int, marks: Mapping[int, bytes]) -> dict[int, RecordBodies | None]:
        """Return the bodies that are kept, by position.

        Args:
            partition: The partition.
            marks: What references know of the nonce of each record, by its position.
        """
        with self._lock:
            return {
                position: kept
                for position, mark in marks.items()
                if (kept := self._kept.get((partition, position))) is not None and kept.mark == mark
            }

    def _drop(self, kept: RecordBodies | None) -> None:
        if kept is not None:
            self._size -= len(kept.record)
