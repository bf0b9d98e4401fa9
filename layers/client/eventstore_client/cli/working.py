"""The handlers of `eventstore work`: one that prints events, and one that counts the outcomes of another."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore_client.cli.outputs import say, write_line
from eventstore_client.summary import counted
from eventstore_client.verdicts import Leave

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore_client.recorded import Recorded
    from eventstore_client.worker import Worker

__all__ = ["Printing", "Tally"]


@dataclass(slots=True)
class Tally:
    """A handler that counts the outcomes of another handler. Threads may share it."""

    handler: Callable[[Recorded], object]
    handled: int = 0
    failed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __call__(self, event: Recorded) -> None:
        """Call the other handler, and count the outcome."""
        try:
            self.handler(event)
        except Exception:
            with self._lock:
                self.failed += 1
            raise
        with self._lock:
            self.handled += 1

    def __str__(self) -> str:
        return f"{counted(self.handled, 'event')} handled, {self.failed:,} failed"


@dataclass(slots=True)
class Printing:
    """A handler that prints events. An event is handled when its line is written.

    If the output has no room, the handler waits. If the output is closed, the worker ends: the current event and the
    others received are delivered to another member, and do not count as failed.

    Attributes:
        line: Returns the line of an event.
        worker: The worker that calls the handler.
        error: The error that ended the output; None before.
    """

    line: Callable[[Recorded], str]
    worker: Worker
    error: OSError | None = None

    def __call__(self, event: Recorded) -> None:
        """Print the event.

        Raises:
            Leave: The output cannot be written.
        """
        try:
            # The worker keeps its events while it waits: it need not end, and they are printed once.
            write_line(self.line(event), wait=self.worker.wait, waits_for_room=True)
        except OSError as error:
            self.error = error
            say(f"cannot write the output: {error}; events that are not printed go to another member")
            raise Leave from error
