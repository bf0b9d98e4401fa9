"""The handler of `eventstore work --exec`: it runs a command for each event, whose exit code decides the outcome."""

from __future__ import annotations

import errno
import os
import selectors
import subprocess
import threading
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from eventstore_client.cli.outputs import retry_io, say_bytes
from eventstore_client.errors import BadInput
from eventstore_client.verdicts import Leave, Park, Retry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from eventstore_client.cli.signals import Signals
    from eventstore_client.recorded import Recorded
    from eventstore_client.worker import Worker

__all__ = ["CommandHandler"]

_PARK = 65
"""EX_DATAERR (sysexits.h): the input is invalid, so that retrying is of no use."""

_LASTING = frozenset(
    {
        *(errno.EACCES, errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT, errno.ENOEXEC),
        *(errno.ENOTDIR, errno.EPERM),
    }
)
"""Errors of a command that cannot be run until a person corrects it. Others, such as too many processes, may end."""

_CHUNK = 65_536
_TAIL = 4096
"""The last bytes of a command's standard error that are kept for the reason."""


class CommandHandler:
    """A handler that runs a command for each event. Threads may share it.

    A command that cannot be run at all ends the worker, and fails no event.

    The event is handled after exit code 0, parked after 65, and redelivered after any other. The last line of the
    command's standard error is the reason. The command has ended when it exits, whatever its children keep open.

    Args:
        command: The command and its arguments.
        worker: The worker that calls the handler.
        signals: Decides when an interrupt may stop the command.

    Attributes:
        error: Why the command cannot be run; None if it can.
    """

    error: BadInput | None = None

    def __init__(self, command: Sequence[str], worker: Worker, signals: Signals) -> None:
        self._command = command
        self._worker = worker
        self._signals = signals
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._is_ended = False

    def __call__(self, event: Recorded) -> None:
        """Run the command for an event.

        Raises:
            Park, Retry: The command failed.
            Leave: The worker ends.
        """
        with self._started(event) as process:
            stderr = _read_stderr(process)
        if process.returncode:
            lines = stderr.decode(errors="replace").strip().splitlines()
            reason = lines[-1] if lines else f"{self._command[0]} exited with code {process.returncode}"
            raise (Park if process.returncode == _PARK else Retry)(reason)

    def end(self) -> None:
        """Kill the commands that run: those of other threads than the one that was interrupted."""
        with self._lock:
            self._is_ended = True
            running = [*self._running]
        for process in running:
            process.kill()
            process.wait()

    @contextmanager
    def _started(self, event: Recorded) -> Iterator[subprocess.Popen[bytes]]:
        """Start the command; kill it if it is interrupted."""
        variables = {
            "EVENT_ID": event.id,
            "EVENT_TYPE": event.type,
            "EVENT_STREAM": event.stream,
            "EVENT_SEQUENCE": str(event.sequence),
            "EVENT_ATTEMPT": str(self._worker.attempt),
        }
        # Python interrupts its main thread only.
        is_main = threading.current_thread() is threading.main_thread()
        # An interrupt while the command starts would leave the command running. A command that cannot be started does
        # not count as a failure of the event.
        with self._signals.deferred() if is_main else nullcontext():
            try:
                process = retry_io(
                    lambda: self._start(event.text, variables),
                    wait=self._worker.wait,
                    what=f"cannot start the command {self._command[0]!r}",
                    is_temporary=lambda error: error.errno not in _LASTING,
                )
            except OSError as error:
                self.error = BadInput([_reason(self._command[0], error)])
                raise Leave from error
        try:
            if is_main:
                self._signals.check()
            yield process
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            with self._lock:
                self._running.discard(process)

    def _start(self, text: str, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._is_ended:
                raise Leave
            process = _start(self._command, text, variables)
            self._running.add(process)
        return process


def _reason(command: str, error: OSError) -> str:
    reason = f"cannot run {command!r}: {error.strerror or error}"
    match error.errno:
        case errno.ENOEXEC:
            return f"{reason}: a script begins with a line such as #!/bin/sh"
        case errno.EACCES | errno.EPERM:
            return f"{reason}: run chmod +x {command}, and look at the permissions of its folders"
        case errno.ENOENT if Path(command).exists():
            return f"{reason}: the program of its line #! does not exist"
        case _:
            return reason


def _start(command: Sequence[str], text: str, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # A file instead of a pipe: writing to a command that does not read would block.
    with TemporaryFile(buffering=0) as event_file:
        event_file.write(text.encode())
        event_file.seek(0)
        # In a session of its own, the command does not receive Ctrl-C from the terminal: the current event is finished.
        return subprocess.Popen(  # noqa: S603 - the user's own command
            command,
            stdin=event_file,
            stderr=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, **variables},
            start_new_session=True,
        )


def _read_stderr(process: subprocess.Popen[bytes]) -> bytes:
    """Copy the command's standard error to ours until it exits, and return the last bytes."""
    stderr, process.stderr = process.stderr, None
    assert stderr is not None  # noqa: S101 - the process has a pipe
    os.set_blocking(stderr.fileno(), False)
    exited, exiting = os.pipe()
    waiter = threading.Thread(target=_close_at_exit, args=[process, exiting], daemon=True)
    waiter.start()
    tail = b""
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(stderr, selectors.EVENT_READ)
            selector.register(exited, selectors.EVENT_READ)
            has_exited = False
            while not has_exited:
                # Checked before reading: output written before the exit is then read after the check.
                has_exited = any(key.fd == exited for key, _ in selector.select())
                while chunk := _copy_chunk(stderr):
                    tail = (tail + chunk)[-_TAIL:]
                if chunk is not None and stderr.fileno() in selector.get_map():
                    selector.unregister(stderr)
    except BaseException:
        process.kill()
        raise
    finally:
        waiter.join()
        os.close(exited)
        _release_pipe(stderr)
    return tail


def _close_at_exit(process: subprocess.Popen[bytes], exiting: int) -> None:
    process.wait()
    os.close(exiting)


def _release_pipe(stderr: IO[bytes]) -> None:
    """Close the pipe when its other end is closed. Children of the command may hold it, and continue to write."""
    while chunk := _copy_chunk(stderr):
        pass
    if chunk is None:
        threading.Thread(target=_copy_to_end, args=[stderr], daemon=True).start()
    else:
        stderr.close()


def _copy_to_end(stderr: IO[bytes]) -> None:
    os.set_blocking(stderr.fileno(), True)
    with stderr:
        while _copy_chunk(stderr):
            pass


def _copy_chunk(stderr: IO[bytes]) -> bytes | None:
    """Copy the available output to our standard error and return it; empty at the end, None if there is none now."""
    chunk: bytes | None = stderr.read(_CHUNK)
    if chunk:
        say_bytes(chunk)
    return chunk
