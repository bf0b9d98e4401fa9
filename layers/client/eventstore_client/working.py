"""`eventstore work`: what becomes of each event of a durable subscription, and how the work ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore_client.verdicts import Park, Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from eventstore_client.events import Recorded
    from eventstore_client.worker import Worker

__all__ = ["Tally", "ending_on_signals", "printing", "running"]

_PARK = 65
"""EX_DATAERR (sysexits.h): the input is wrong, so that another try is of no use."""

_LEAVING = b"eventstore: leaving once the event in hand is finished; another signal interrupts it\n"


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
        return f"{self.handled:,} events handled, {self.failed:,} failed"


def printing(line: Callable[[Recorded], str], worker: Worker) -> Callable[[Recorded], None]:
    """A handler that prints: an event is handled once whoever reads the output can have it."""

    def handle(event: Recorded) -> None:
        try:
            print(line(event), flush=True)
        except OSError as error:
            # Nobody reads any more: this one and the rest are for another member.
            worker.close()
            raise Retry(f"the output is closed: {error}", delay=0) from error

    return handle


def running(command: Sequence[str], worker: Worker) -> Callable[[Recorded], None]:
    """A handler that runs a command for each event, which reads it on its standard input.

    Exit code 0: it is handled; 65: it is parked; any other: it is tried again. The last line of the command's standard
    error is the reason.
    """

    def handle(event: Recorded) -> None:
        about = {
            "EVENT_ID": event.id,
            "EVENT_TYPE": event.type,
            "EVENT_STREAM": event.stream,
            "EVENT_SEQUENCE": str(event.sequence),
            "EVENT_ATTEMPT": str(worker.attempt),
        }
        # A session of its own: Ctrl-C in the terminal is for us, and the event in hand is finished.
        ran = subprocess.run(  # noqa: S603 - the user's own command
            command,
            input=event.text.encode(),
            stderr=subprocess.PIPE,
            env={**os.environ, **about},
            start_new_session=True,
            check=False,
        )
        said = ran.stderr.decode(errors="replace")
        sys.stderr.write(said)
        if ran.returncode:
            lines = said.split("\n") if (said := said.strip()) else []
            reason = lines[-1] if lines else f"{command[0]} ended with exit code {ran.returncode}"
            raise (Park if ran.returncode == _PARK else Retry)(reason)

    return handle


@contextmanager
def ending_on_signals(worker: Worker) -> Iterator[list[int]]:
    """Let SIGINT and SIGTERM close the worker, which finishes the event in hand; a second one interrupts that.

    What is given lists the signals that came.
    """
    came: list[int] = []
    # In threads of their own, for the one that a signal interrupts may hold the worker's lock.
    closing: list[threading.Thread] = []

    def end(number: int, _: FrameType | None) -> None:
        came.append(number)
        if len(came) > 1:
            raise KeyboardInterrupt
        # Past Python's own buffer, which the one that is interrupted may be writing to.
        os.write(2, _LEAVING)
        closing.append(threading.Thread(target=worker.close))
        closing[-1].start()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for thread in closing:
            thread.join()
