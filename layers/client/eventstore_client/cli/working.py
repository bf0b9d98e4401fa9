"""`eventstore work`: what becomes of each event of a durable subscription."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore_client.cli.outputs import say, write_line
from eventstore_client.summary import counted
from eventstore_client.verdicts import Leave

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore_client.events import Recorded
    from eventstore_client.worker import Worker

__all__ = ["Printing", "Tally"]


@dataclass(slots=True)
class Tally:
    """A handler that counts what another one makes of the events."""

    handler: Callable[[Recorded], object]
    handled: int = 0
    failed: int = 0

    def __call__(self, event: Recorded) -> None:
        """Let the other one handle the event."""
        try:
            self.handler(event)
        except Exception:
            self.failed += 1
            raise
        self.handled += 1

    def __str__(self) -> str:
        return f"{counted(self.handled, 'event')} handled, {self.failed:,} failed"


@dataclass(slots=True)
class Printing:
    """A handler that prints: an event is handled once whoever reads the output can have it.

    An output without room is waited for. One that is closed ends the worker: this event and the rest are another
    member's, and none of them has failed.

    Attributes:
        line: What is printed of an event.
        worker: Whose handler it is.
        error: Why the output cannot be written any more.
    """

    line: Callable[[Recorded], str]
    worker: Worker
    error: OSError | None = None

    def __call__(self, event: Recorded) -> None:
        """Print the event.

        Raises:
            Leave: It cannot be printed.
        """
        try:
            write_line(self.line(event), wait=self.worker.wait)
        except OSError as error:
            self.error = error
            say(f"the output cannot be written: {error}; what is not printed is for another member")
            raise Leave from error
