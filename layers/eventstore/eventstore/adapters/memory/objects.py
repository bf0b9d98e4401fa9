"""The `Objects` in memory."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from eventstore.adapters.clock import SystemClock
from eventstore.ports.objects import (
    ListedObject,
    ObjectChanged,
    ObjectExists,
    ObjectKey,
    ObjectNotFound,
    ObjectVersion,
    StoredObject,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore.ports import Clock

__all__ = ["MemoryObjects"]


class MemoryObjects:
    """See `ports.objects.Objects`. Each method is one step. It is lost with its process.

    Args:
        clock: The time under which objects are written.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._stored: dict[ObjectKey, tuple[StoredObject, int]] = {}
        self._writes = 0
        self._lock = Lock()

    def put_new(self, key: ObjectKey, content: bytes) -> ObjectVersion:
        """See `Objects.put_new`."""
        with self._lock:
            if key in self._stored:
                raise ObjectExists(key)
            return self._put(key, content)

    def replace(self, key: ObjectKey, content: bytes, *, version: ObjectVersion) -> ObjectVersion:
        """See `Objects.replace`."""
        with self._lock:
            stored = self._stored.get(key)
            if stored is None or stored[0].version != version:
                raise ObjectChanged(key)
            return self._put(key, content)

    def get(self, key: ObjectKey) -> StoredObject:
        """See `Objects.get`."""
        with self._lock:
            if key not in self._stored:
                raise ObjectNotFound(key)
            return self._stored[key][0]

    def get_range(self, key: ObjectKey, *, first: int, length: int) -> bytes:
        """See `Objects.get_range`."""
        return self.get(key).content[first : first + length]

    def list(self, prefix: str) -> Iterator[ListedObject]:
        """See `Objects.list`."""
        with self._lock:
            stored = sorted(self._stored.items())
        for key, (one, modified) in stored:
            if key.startswith(prefix):
                yield ListedObject(key, len(one.content), modified)

    def delete(self, key: ObjectKey) -> None:
        """See `Objects.delete`."""
        with self._lock:
            self._stored.pop(key, None)

    def close(self) -> None:
        """See `Objects.close`."""

    def _put(self, key: ObjectKey, content: bytes) -> ObjectVersion:
        self._writes += 1
        version = ObjectVersion(str(self._writes))
        self._stored[key] = StoredObject(content, version), self._clock.now()
        return version
