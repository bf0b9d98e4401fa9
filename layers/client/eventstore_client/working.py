"""`eventstore work`: what becomes of each event of a durable subscription, and how the work ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from eventstore_client.verdicts import Park, Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType, TracebackType

    from eventstore_client.events import Recorded
    from eventstore_client.worker import Worker

__all__ = ["Signals", "Tally", "printing", "running"]

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


def running(command: Sequence[str], worker: Worker, signals: Signals) -> Callable[[Recorded], None]:
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
        # An interrupt in the midst of it would leave the command behind. The session is the command's own: Ctrl-C in
        # the terminal is for us, and the event in hand is finished.
        with signals.deferred():
            process = subprocess.Popen(  # noqa: S603 - the user's own command
                command,
                stdin=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **about},
                start_new_session=True,
            )
        with process:
            try:
                signals.check()
                said = process.communicate(event.text.encode())[1].decode(errors="replace")
            except BaseException:
                process.kill()
                raise
        sys.stderr.write(said)
        if process.returncode:
            lines = said.strip().splitlines()
            reason = lines[-1] if lines else f"{command[0]} ended with exit code {process.returncode}"
            raise (Park if process.returncode == _PARK else Retry)(reason)

    return handle


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
            # Past Python's own buffer, which the one that is interrupted may be writing to.
            os.write(2, _LEAVING)
            self._closing.append(threading.Thread(target=self._worker.close))
            self._closing[0].start()
        elif not self._deferred:
            raise KeyboardInterrupt
