"""A server as a child process on 127.0.0.1, with its files in a folder that no other one uses."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import weakref
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from eventstore_hosting.lifeline import Lifeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

__all__ = ["LOCAL", "FolderInUseError", "KeptServer", "LoadingError", "PortInUseError", "ServerError", "free_port"]

LOCAL = "127.0.0.1"
_PORT_TRIES = 5
_PORT_IN_USE = ("address already in use", "is already in use")
"""The last words of servers whose port another program has."""


class ServerError(Exception):
    """A server is not there, or does not do as asked; the message says what would be right."""


class FolderInUseError(ServerError):
    """Another server keeps its files in the folder. The program that starts it knows how to choose another."""


class PortInUseError(ServerError):
    """Another program listens on the port."""


class LoadingError(Exception):
    """A server that starts reads its data, which takes as long as there is any."""


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOCAL, 0))
        port: int = probe.getsockname()[1]
        return port


def _until(deadline: float) -> Iterator[None]:
    """Yields at once and then every few milliseconds, ever slower, until the deadline."""
    pause = 0.002
    while time.monotonic() < deadline:
        yield
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


class KeptServer(ABC):
    """One server that listens on 127.0.0.1 only and ends with the process that started it.

    Attributes:
        name: What messages call it.
        error: What it raises.
        data: What it has again after it was killed, as messages call it.
        ready_within: After how many seconds without an answer a start has failed. One whose process ends fails at once.
        stop_within: After how many seconds a server that does not end is killed.
        port: Its port, also after a restart.
        folder: Where its files are.
    """

    name: ClassVar[str]
    error: ClassVar[type[ServerError]]
    data: ClassVar[str] = "its data"
    ready_within: ClassVar[float] = 15.0
    stop_within: ClassVar[float] = 10.0

    def __init__(self, *, port: int, folder: Path) -> None:
        self.port = port
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline: Lifeline | None = None
        self._forget: Callable[[], object] | None = None
        self._abandoned = threading.Event()

    @classmethod
    def _started(cls, *, port: int | None, folder: Path | None, **options: Any) -> Self:  # noqa: ANN401 - the subclass's own
        """Starts a server, and returns when it answers.

        Args:
            port: A free one when not given.
            folder: Where its files are; a temporary one, gone with the `with` block or the program, when not given.
            options: What else its class is made with.

        Raises:
            FolderInUseError: Another server runs on the folder.
            PortInUseError: The port that was asked for is taken.
            ServerError: It does not start; the message has its last words.
        """
        home = folder if folder is not None else Path(tempfile.mkdtemp(prefix=f"{cls.name.lower()}-"))
        home.mkdir(parents=True, exist_ok=True)
        tries = _PORT_TRIES if port is None else 1
        for left in reversed(range(tries)):
            server = cls(port=port or free_port(), folder=home, **options)
            if folder is None:
                server._forget = weakref.finalize(server, shutil.rmtree, home, ignore_errors=True)
            try:
                server.restart()
            except PortInUseError:
                # Someone took the free port first.
                if not left:
                    raise
            else:
                return server
        raise AssertionError  # pragma: no cover - the loop returns or raises

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect."""

    @property
    def notice(self) -> str:
        """What its user must know, in one line; empty if there is nothing."""
        return ""

    @property
    def pid(self) -> int:
        """The process that serves.

        Raises:
            ServerError: It does not run.
        """
        if self._process is None:
            raise self.error(f"The {self.name} of port {self.port} is stopped; restart() starts it again.")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def ending(self) -> str:
        """How the process ended by itself, for a person; empty while it runs or when it was stopped."""
        status = self._process.poll() if self._process is not None else None
        if status is None:
            return ""
        return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"

    def abandon(self) -> None:
        """Lets a start that is under way in another thread fail within a moment, and every later one."""
        self._abandoned.set()

    def restart(self) -> None:
        """Starts on the same folder and port, stopping gracefully first if it runs. Persistent data is there again.

        After a failure it can be tried again.

        Raises:
            FolderInUseError: Another server runs on the folder.
            PortInUseError: Another program listens on the port.
            ServerError: It does not start; the message has its last words. Or it was abandoned.
            OSError: The folder cannot be written to.
        """
        self.stop()
        lock = self._lock_folder()
        try:
            command = self._command()
            log = self.folder / f"{self.name.lower()}.log"
            log.write_bytes(b"")
            # TERM, not KILL: an orphan closes its files in order.
            self._lifeline = Lifeline(ending=signal.SIGTERM)
            with log.open("ab") as output:
                self._process = subprocess.Popen(  # noqa: S603 - our own program and options
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    process_group=self._lifeline.group,
                    # The child holds the folder's lock for exactly as long as it lives, even when we do not.
                    pass_fds=[lock],
                )
        except BaseException:
            self._end()
            raise
        finally:
            os.close(lock)
        try:
            self._await_ready(log)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Ends the process in order, its files complete."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=self.stop_within)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._end()

    def kill(self) -> None:
        """Ends the process by SIGKILL, as a fault would."""
        if self._process is not None:
            self._process.kill()
        self._end()

    @abstractmethod
    def _command(self) -> Sequence[str]:
        """Returns the program and its options. The folder is there, and locked."""

    @abstractmethod
    def _answers(self) -> bool:
        """Returns whether this process, and not another one on the port, serves.

        Raises:
            LoadingError: It reads its data.
        """

    def _end(self) -> None:
        if self._process is not None:
            self._process.wait()
            self._process = None
        if self._lifeline is not None:
            self._lifeline.cut()
            self._lifeline = None

    def _lock_folder(self) -> int:
        """An open file whose lock says that the folder is in use."""
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            # A server whose parent was killed needs a moment to close its files.
            for _ in _until(time.monotonic() + 2):
                self._require_wanted()
                with suppress(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.ftruncate(lock, 0)
                    os.write(lock, str(os.getpid()).encode())
                    return lock
            holder = os.read(lock, 32).decode(errors="replace") or "another process"
            raise FolderInUseError(
                f"{self.folder} is in use by another instance (process {holder}). Stop that one, or choose another "
                "folder"
            )
        except BaseException:
            # Left open, it would hold the lock against the next try.
            os.close(lock)
            raise

    def _require_wanted(self) -> None:
        if self._abandoned.is_set():
            raise self.error(f"The {self.name} of port {self.port} is not wanted any more.")

    def _await_ready(self, log: Path) -> None:
        deadline = time.monotonic() + self.ready_within
        for _ in _until(float("inf")):
            self._require_wanted()
            if not self.running:
                self._raise_last_words(log)
            try:
                if self._answers():
                    return
            except LoadingError:
                deadline = time.monotonic() + self.ready_within
            if time.monotonic() > deadline:
                raise self.error(
                    f"{self.name} on port {self.port} gave no answer within {self.ready_within:.0f} s; see {log}."
                )

    def _raise_last_words(self, log: Path) -> None:
        words = log.read_text(errors="replace").strip()
        if any(reason in words.lower() for reason in _PORT_IN_USE):
            raise PortInUseError(f"Port {self.port} is in use by another program. Choose another, or leave it out.")
        last = f" Its last words:\n{words[-2000:]}" if words else ""
        raise self.error(f"{self.name} ended as it started ({self.ending}).{last}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._forget is not None:
            self._forget()
