"""Publishing any number of events in batches, while further events are produced."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from eventstore_client.events import Stored

__all__ = ["BatchPublisher"]

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


class BatchPublisher:
    """A context in which events are sent in order by a thread of its own, one request at a time.

    The context ends when all events are stored. After KeyboardInterrupt, it ends when the request in progress is
    complete.

    Args:
        send: Publishes the JSON texts of events, and returns their positions.
        batch: The greatest number of events per request.
        linger: Seconds to wait for further events before a request that is not full is sent. With 0, a request has the
            events that arrived during the last one.
        on_stored: Called after each request, in the thread that sends.
        clock: Returns monotonic time in seconds.

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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 1 <= batch <= _BATCH_EVENTS:
            raise ValueError(f"batch must be 1 to {_BATCH_EVENTS}, not {batch}")
        self._send = send
        self._batch = batch
        self._linger = linger
        self._on_stored = on_stored
        self._clock = clock
        self._queue: deque[_Queued] = deque()
        self._queued_bytes = 0
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
            while self._error is None and not self._has_room():
                self._changed.wait()
            self._raise_error()
            queued = _Queued(text, len(text) if text.isascii() else len(text.encode()), self._clock())
            self._queue.append(queued)
            self._queued_bytes += queued.size
            # The sender waits for the first event, or for as many as a request holds.
            if len(self._queue) == 1 or self._is_full():
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

    def _has_room(self) -> bool:
        return len(self._queue) < self._batch * _QUEUED_BATCHES and self._queued_bytes < _BATCH_BYTES * _QUEUED_BATCHES

    def _run(self) -> None:
        try:
            while texts := self._take():
                try:
                    stored = self._send(texts)
                except Exception as error:
                    first, last = self._stored + 1, self._stored + len(texts)
                    error.add_note(f"The request had events {first:,} to {last:,} of those passed to publish_all.")
                    raise
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
            self._changed.wait_for(lambda: self._queue or self._finished)
            while not self._finished and not self._is_full():
                remaining = self._queue[0].since + self._linger - self._clock()
                if remaining <= 0:
                    break
                self._changed.wait(remaining)
            texts: list[str] = []
            size = 0
            while self._queue and not self._stopped and len(texts) < self._batch:
                size += self._queue[0].size
                if texts and size > _BATCH_BYTES:
                    break
                queued = self._queue.popleft()
                texts.append(queued.text)
                self._queued_bytes -= queued.size
            self._changed.notify_all()
            return texts

    def _is_full(self) -> bool:
        return len(self._queue) >= self._batch or self._queued_bytes >= _BATCH_BYTES
