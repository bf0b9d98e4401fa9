"""How SIGINT and SIGTERM end the commands that go on until they are interrupted."""

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

_LEAVING = b"eventstore: leaving once the event in hand is finished; another signal interrupts it\n"


class Terminated(BaseException):
    """SIGTERM came. Like KeyboardInterrupt it is no failure of what it ends."""


@contextmanager
def terminable() -> Iterator[None]:
    """While entered, SIGTERM raises `Terminated`, as SIGINT raises KeyboardInterrupt."""
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(_: int, __: FrameType | None) -> NoReturn:
    raise Terminated


class Signals:
    """While entered, SIGINT and SIGTERM close the worker, which finishes the event in hand; a second one interrupts.

    Attributes:
        came: Which ones came.
    """

    def __init__(self, worker: Worker) -> None:
        self.came: list[int] = []
        self._worker = worker
        self._deferred = False
        # In threads of their own, for the one that a signal interrupts may hold the worker's lock.
        self._closing: list[threading.Thread] = []
        self._before: list[tuple[int, Any]] = []

    def check(self) -> None:
        """Interrupt, if that is due."""
        if len(self.came) > 1:
            raise KeyboardInterrupt

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let an interrupt wait for the next `check`."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False

    def __enter__(self) -> Self:
        self._before = [(number, signal.signal(number, self._handle)) for number in (signal.SIGINT, signal.SIGTERM)]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before:
            signal.signal(number, handler)
        for thread in self._closing:
            thread.join()

    def _handle(self, number: int, _: FrameType | None) -> None:
        self.came.append(number)
        if len(self.came) == 1:
            # Another signal may come in the midst of this: it interrupts once the worker is being closed.
            deferred, self._deferred = self._deferred, True
            say_bytes(_LEAVING)
            self._closing.append(threading.Thread(target=self._worker.close))
            self._closing[0].start()
            self._deferred = deferred
            if not deferred:
                self.check()
        elif not self._deferred:
            raise KeyboardInterrupt
