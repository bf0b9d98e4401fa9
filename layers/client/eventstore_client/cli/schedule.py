"""Distributing the events of a load among publishers, in order within a stream."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore_client.cli.sources import Item

__all__ = ["Batch", "Schedule", "Stopped"]


class Stopped(Exception):
    """The schedule was stopped while a thread waited."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one stream, in order, for one request."""

    stream: str
    items: Sequence[Item]


class Schedule:
    """Distributes events among publishers. Only one publisher at a time has events of a stream.

    `put` blocks while too many bytes are queued, so that files of any size need the same memory.

    Args:
        batch_events: The greatest number of events per batch.
        batch_bytes: The greatest size of a batch; a single event may be larger.
        held_bytes: The size of queued events at which `put` blocks.
    """

    def __init__(self, *, batch_events: int = 100, batch_bytes: int = 1024 * 1024, held_bytes: int = 32 << 20) -> None:
        self._batch_events = batch_events
        self._batch_bytes = batch_bytes
        self._room_bytes = held_bytes
        self._held_bytes = 0
        self._waiting: dict[str, deque[Item]] = {}
        # Streams with events and without a publisher, in the order in which they became ready.
        self._ready: deque[str] = deque()
        self._publishing: set[str] = set()
        self._finished = False
        self._stopped = threading.Event()
        lock = threading.Lock()
        self._work = threading.Condition(lock)
        self._room = threading.Condition(lock)

    def put(self, item: Item) -> None:
        """Queue an event behind the others of its stream.

        Raises:
            Stopped: The schedule was stopped.
        """
        with self._room:
            self._room.wait_for(lambda: self._held_bytes < self._room_bytes or self._stopped.is_set())
            if self._stopped.is_set():
                raise Stopped
            self._held_bytes += item.size
            if item.stream not in self._waiting:
                self._waiting[item.stream] = deque()
                if item.stream not in self._publishing:
                    self._ready.append(item.stream)
                    self._work.notify()
            self._waiting[item.stream].append(item)

    def take(self) -> Batch | None:
        """Wait for the next batch to publish; None at the end. The caller returns the stream by `done`."""
        with self._work:
            self._work.wait_for(lambda: self._ready or self._is_over())
            if self._stopped.is_set() or not self._ready:
                return None
            stream = self._ready.popleft()
            batch = self._batch(self._waiting[stream])
            if not self._waiting[stream]:
                del self._waiting[stream]
            self._publishing.add(stream)
            self._room.notify()
            return Batch(stream, batch)

    def done(self, batch: Batch) -> None:
        """Return the stream of a batch, so that its next events can be published."""
        with self._work:
            self._publishing.remove(batch.stream)
            if batch.stream in self._waiting:
                self._ready.append(batch.stream)
                self._work.notify()
            elif self._is_over():
                self._work.notify_all()

    def finish(self) -> None:
        """Mark the end: no event will be added."""
        with self._work:
            self._finished = True
            self._work.notify_all()

    def stop(self) -> None:
        """End all waiting, and return no further batches."""
        with self._work:
            self._stopped.set()
            self._work.notify_all()
            self._room.notify_all()

    def pause(self, seconds: float) -> None:
        """Wait for a number of seconds.

        Raises:
            Stopped: The schedule was stopped.
        """
        if self._stopped.wait(seconds):
            raise Stopped

    def _is_over(self) -> bool:
        return self._stopped.is_set() or (self._finished and not self._waiting)

    def _batch(self, waiting: deque[Item]) -> list[Item]:
        batch: list[Item] = []
        size = 2
        while waiting and len(batch) < self._batch_events:
            # Each event needs a comma or a bracket. The first is accepted whatever its size.
            size += waiting[0].size + 1
            if batch and size > self._batch_bytes:
                break
            batch.append(waiting.popleft())
            self._held_bytes -= batch[-1].size
        return batch
