"""SIGINT and SIGTERM of the commands that run until they are interrupted."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, Self

from eventstore_client.cli.outputs import say_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, TracebackType

    from eventstore_client.worker import Worker

__all__ = ["Signals", "Terminated", "terminable"]

_STOPPING = b"eventstore: stopping after the current event; another signal interrupts it\n"


class Terminated(BaseException):
    """SIGTERM was received. Like KeyboardInterrupt, it is not an `Exception`."""


@contextmanager
def terminable() -> Iterator[None]:
    """Raise `Terminated` on SIGTERM while the context is entered, as SIGINT raises KeyboardInterrupt."""
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(_: int, __: FrameType | None) -> NoReturn:
    raise Terminated


class Signals:
    """A context in which SIGINT and SIGTERM close a worker after its current event. A second signal interrupts it.

    Args:
        worker: The worker to close.

    Attributes:
        received: The signals received.
    """

    def __init__(self, worker: Worker) -> None:
        self.received: list[int] = []
        self._worker = worker
        self._deferred = False
        # `close` runs in a thread of its own, because the thread that a signal interrupts may hold the worker's lock.
        self._closing: list[threading.Thread] = []
        self._before: list[tuple[int, Any]] = []

    def check(self) -> None:
        """Raise KeyboardInterrupt if a second signal was deferred."""
        if len(self.received) > 1:
            raise KeyboardInterrupt

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Defer an interrupt to the next `check`."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False

    def __enter__(self) -> Self:
        self._before = [(number, signal.signal(number, self._handle)) for number in (signal.SIGINT, signal.SIGTERM)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before:
            signal.signal(number, handler)
        for thread in self._closing:
            thread.join()

    def _handle(self, number: int, _: FrameType | None) -> None:
        self.received.append(number)
        if len(self.received) == 1:
            # A second signal during this block is deferred until the worker is being closed.
            deferred, self._deferred = self._deferred, True
            say_bytes(_STOPPING)
            self._closing.append(threading.Thread(target=self._worker.close))
            self._closing[0].start()
            self._deferred = deferred
            if not deferred:
                self.check()
        elif not self._deferred:
            raise KeyboardInterrupt
