"""Publishing any number of events in batches, while further events are produced."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from eventstore_client.events import Stored

__all__ = ["BatchPublisher", "Batches", "note_events"]

_BATCH_EVENTS = 1_000
"""The greatest number of events that the hub accepts in one request."""

_BATCH_BYTES = 512 * 1024
"""The size of a batch. The hub accepts 3 MiB, and less with a journal whose records are smaller."""

_QUEUED_BATCHES = 4
"""The batches that may wait, so that an iterable of any length needs constant memory."""


class _Queued(NamedTuple):
    """An event that waits.

    Attributes:
        text: The event.
        size: Its size in bytes.
        since: When it was queued, in seconds.
    """

    text: str
    size: int
    since: float


class Batches:
    """The events that wait, and the requests that they make, without I/O.

    Args:
        batch: The greatest number of events per request.
        linger: Seconds to wait for further events before a request that is not full is sent. With 0, a request has the
            events that arrived during the last one.
        clock: Returns monotonic time in seconds.

    Raises:
        ValueError: No request can have so many events, or so few.
    """

    def __init__(self, *, batch: int, linger: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        if not 1 <= batch <= _BATCH_EVENTS:
            raise ValueError(f"batch must be 1 to {_BATCH_EVENTS}, not {batch}")
        self._batch = batch
        self._linger = linger
        self._clock = clock
        self._queue: deque[_Queued] = deque()
        self._queued_bytes = 0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def has_room(self) -> bool:
        """Whether another event may be queued."""
        return len(self._queue) < self._batch * _QUEUED_BATCHES and self._queued_bytes < _BATCH_BYTES * _QUEUED_BATCHES

    @property
    def is_full(self) -> bool:
        """Whether there are events for a full request."""
        return len(self._queue) >= self._batch or self._queued_bytes >= _BATCH_BYTES

    @property
    def remaining(self) -> float:
        """Seconds until a request is due, 0 or less if it is, or if it is full. There must be an event."""
        return 0.0 if self.is_full else self._queue[0].since + self._linger - self._clock()

    def put(self, text: str) -> bool:
        """Queue an event.

        Returns:
            Whether a sender that waits has something to do: the first event, or as many as a request holds.
        """
        queued = _Queued(text, len(text) if text.isascii() else len(text.encode()), self._clock())
        self._queue.append(queued)
        self._queued_bytes += queued.size
        return len(self._queue) == 1 or self.is_full

    def take(self) -> Sequence[str]:
        """Remove the events of one request, and return them."""
        texts: list[str] = []
        size = 0
        while self._queue and len(texts) < self._batch:
            size += self._queue[0].size
            if texts and size > _BATCH_BYTES:
                break
            queued = self._queue.popleft()
            texts.append(queued.text)
            self._queued_bytes -= queued.size
        return texts


class BatchPublisher:
    """A context in which events are sent in order by a thread of its own, one request at a time.

    The context ends when all events are stored. After KeyboardInterrupt, it ends when the request in progress is
    complete.

    Args:
        send: Publishes the JSON texts of events, and returns their positions.
        batch: As for `Batches`.
        linger: As for `Batches`.
        on_stored: Called after each request, in the thread that sends.

    Raises:
        ValueError: No request can have so many events, or so few.
    """

    def __init__(
        self,
        send: Callable[[Sequence[str]], Sequence[Stored]],
        *,
        batch: int,
        linger: float = 0.0,
        on_stored: Callable[[Sequence[Stored]], object] | None = None,
    ) -> None:
        self._send = send
        self._on_stored = on_stored
        self._batches = Batches(batch=batch, linger=linger)
        self._stored = 0
        self._finished = self._stopped = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="eventstore-publisher", daemon=True)

    @property
    def stored(self) -> int:
        """The number of events that the hub confirmed."""
        return self._stored

    def put(self, text: str) -> None:
        """Queue an event. It waits while too many are queued.

        Raises:
            ClientError: Earlier events could not be published.
        """
        with self._changed:
            while self._error is None and not self._batches.has_room:
                self._changed.wait()
            self._raise_error()
            if self._batches.put(text):
                self._changed.notify_all()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        is_interrupted = error is not None and not isinstance(error, Exception)
        try:
            self._finish(discard=is_interrupted)
            self._thread.join()
        except BaseException:
            self._finish(discard=True)
            raise
        if error is None:
            self._raise_error()

    def _finish(self, *, discard: bool) -> None:
        with self._changed:
            self._finished = True
            self._stopped |= discard
            self._changed.notify_all()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while texts := self._take():
                with note_events(self._stored, len(texts)):
                    stored = self._send(texts)
                self._stored += len(stored)
                if self._on_stored:
                    self._on_stored(stored)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that puts events
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _take(self) -> Sequence[str]:
        """Wait until a request is due, and return its events; none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._batches) or self._finished)
            while not self._finished and (remaining := self._batches.remaining) > 0:
                self._changed.wait(remaining)
            texts = [] if self._stopped else self._batches.take()
            self._changed.notify_all()
            return texts


@contextmanager
def note_events(stored: int, count: int) -> Iterator[None]:
    """Add the numbers of the events to an error of the request that has them.

    Args:
        stored: The number of events before the request.
        count: The number of its events.
    """
    try:
        yield
    except Exception as error:
        first, last = stored + 1, stored + count
        error.add_note(f"The request had events {first:,} to {last:,} of those passed to publish_all.")
        raise
