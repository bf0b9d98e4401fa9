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
    """The schedule was stopped while somebody waited."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one stream, in order, for one request."""

    stream: str
    items: Sequence[Item]


class Schedule:
    """Shares events out among publishers: a stream's in order and to one publisher at a time, streams side by side.

    Whoever puts events in waits while too many are held, so a file of any length needs the same memory.
    """

    def __init__(self, *, batch_events: int = 100, batch_bytes: int = 1024 * 1024, held_bytes: int = 32 << 20) -> None:
        self._batch_events = batch_events
        self._batch_bytes = batch_bytes
        self._room_bytes = held_bytes
        self._held_bytes = 0
        self._waiting: dict[str, deque[Item]] = {}
        # Streams that have events and no publisher, the longest waiting first.
        self._ready: deque[str] = deque()
        self._taken: set[str] = set()
        self._finished = False
        self._stopped = threading.Event()
        lock = threading.Lock()
        self._work = threading.Condition(lock)
        self._room = threading.Condition(lock)

    def put(self, item: Item) -> None:
        """Add an event behind those of its stream.

        Raises:
            Stopped: Nobody publishes any more.
        """
        with self._room:
            self._room.wait_for(lambda: self._held_bytes < self._room_bytes or self._stopped.is_set())
            if self._stopped.is_set():
                raise Stopped
            self._held_bytes += item.size
            if item.stream not in self._waiting:
                self._waiting[item.stream] = deque()
                if item.stream not in self._taken:
                    self._ready.append(item.stream)
                    self._work.notify()
            self._waiting[item.stream].append(item)

    def take(self) -> Batch | None:
        """The next events to publish; None when there will be no more. `done` gives the stream back."""
        with self._work:
            self._work.wait_for(lambda: self._ready or self._is_over())
            if self._stopped.is_set() or not self._ready:
                return None
            stream = self._ready.popleft()
            batch = self._batch(self._waiting[stream])
            if not self._waiting[stream]:
                del self._waiting[stream]
            self._taken.add(stream)
            self._room.notify()
            return Batch(stream, batch)

    def done(self, batch: Batch) -> None:
        """Let the rest of the batch's stream be published."""
        with self._work:
            self._taken.remove(batch.stream)
            if batch.stream in self._waiting:
                self._ready.append(batch.stream)
                self._work.notify()
            elif self._is_over():
                self._work.notify_all()

    def finish(self) -> None:
        """Say that nothing more will be put in."""
        with self._work:
            self._finished = True
            self._work.notify_all()

    def stop(self) -> None:
        """Hand out nothing more, and wake all who wait."""
        with self._work:
            self._stopped.set()
            self._work.notify_all()
            self._room.notify_all()

    def pause(self, seconds: float) -> None:
        """Wait that long.

        Raises:
            Stopped: At once when the schedule is stopped.
        """
        if self._stopped.wait(seconds):
            raise Stopped

    def _is_over(self) -> bool:
        return self._stopped.is_set() or (self._finished and not self._waiting)

    def _batch(self, waiting: deque[Item]) -> list[Item]:
        batch: list[Item] = []
        size = 2
        while waiting and len(batch) < self._batch_events:
            # A comma or a bracket goes with each; the first is taken whatever its size.
            size += waiting[0].size + 1
            if batch and size > self._batch_bytes:
                break
            batch.append(waiting.popleft())
            self._held_bytes -= batch[-1].size
        return batch
