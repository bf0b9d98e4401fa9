"""A command that is run for an event: it reads the event on its standard input; its exit says what becomes of it."""

from __future__ import annotations

import os
import selectors
import subprocess
import threading
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from eventstore_client.cli.outputs import persist, say_bytes
from eventstore_client.verdicts import Park, Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore_client.cli.signals import Signals
    from eventstore_client.events import Recorded
    from eventstore_client.worker import Worker

__all__ = ["running"]

_PARK = 65
"""EX_DATAERR (sysexits.h): the input is wrong, so that another try is of no use."""

_CHUNK = 65_536
_TAIL = 4096
"""Bytes of a command's standard error in which the reason is looked for."""


def running(command: Sequence[str], worker: Worker, signals: Signals) -> Callable[[Recorded], None]:
    """A handler that runs a command for each event.

    Exit code 0: it is handled; 65: it is parked; any other: it is tried again. The last line of the command's standard
    error is the reason. The command has ended once it has exited, whatever its children keep open.
    """

    def handle(event: Recorded) -> None:
        about = {
            "EVENT_ID": event.id,
            "EVENT_TYPE": event.type,
            "EVENT_STREAM": event.stream,
            "EVENT_SEQUENCE": str(event.sequence),
            "EVENT_ATTEMPT": str(worker.attempt),
        }
        # An interrupt in the midst of starting would leave the command behind. What cannot be started now is no fault
        # of the event's.
        with signals.deferred():
            process = persist(
                lambda: _started(command, event.text, about),
                wait=worker.wait,
                what=f"the command {command[0]!r} cannot be started",
                passing=lambda _: True,
            )
        try:
            signals.check()
            said = _said_until_exit(process)
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.returncode:
            lines = said.decode(errors="replace").strip().splitlines()
            reason = lines[-1] if lines else f"{command[0]} ended with exit code {process.returncode}"
            raise (Park if process.returncode == _PARK else Retry)(reason)

    return handle


def _started(command: Sequence[str], text: str, about: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # A file rather than a pipe: nobody waits for a command that does not read it.
    with TemporaryFile(buffering=0) as given:
        given.write(text.encode())
        given.seek(0)
        # The session is the command's own: Ctrl-C in the terminal is for us, and the event in hand is finished.
        return subprocess.Popen(  # noqa: S603 - the user's own command
            command,
            stdin=given,
            stderr=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, **about},
            start_new_session=True,
        )


def _said_until_exit(process: subprocess.Popen[bytes]) -> bytes:
    """The end of what the command wrote to its standard error before it exited; all of it is passed on."""
    stderr, process.stderr = process.stderr, None
    assert stderr is not None  # noqa: S101 - it was asked for
    os.set_blocking(stderr.fileno(), False)
    exited, exiting = os.pipe()
    waiter = threading.Thread(target=_close_at_exit, args=[process, exiting], daemon=True)
    waiter.start()
    tail = b""
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(stderr, selectors.EVENT_READ)
            selector.register(exited, selectors.EVENT_READ)
            over = False
            while not over:
                # What was written before the exit is there when the exit is seen.
                over = any(key.fd == exited for key, _ in selector.select())
                while chunk := _chunk(stderr):
                    tail = (tail + chunk)[-_TAIL:]
                if chunk is not None and stderr.fileno() in selector.get_map():
                    selector.unregister(stderr)
    except BaseException:
        process.kill()
        raise
    finally:
        waiter.join()
        os.close(exited)
        _let_go(stderr)
    return tail


def _close_at_exit(process: subprocess.Popen[bytes], exiting: int) -> None:
    process.wait()
    os.close(exiting)


def _let_go(stderr: IO[bytes]) -> None:
    """Close the pipe once nobody holds its other end; children of the command may, and go on writing."""
    while chunk := _chunk(stderr):
        pass
    if chunk is None:
        threading.Thread(target=_pass_on, args=[stderr], daemon=True).start()
    else:
        stderr.close()


def _pass_on(stderr: IO[bytes]) -> None:
    os.set_blocking(stderr.fileno(), True)
    with stderr:
        while _chunk(stderr):
            pass


def _chunk(stderr: IO[bytes]) -> bytes | None:
    """What there is to read, passed on; empty at the end, None if there is nothing now."""
    chunk: bytes | None = stderr.read(_CHUNK)
    if chunk:
        say_bytes(chunk)
    return chunk
