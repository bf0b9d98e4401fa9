"""One Valkey server as a child process."""

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
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from eventstore_hosting.lifeline import Lifeline
from eventstore_hosting.valkey.binary import ValkeyError, find_binary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LOCAL = "127.0.0.1"
_READY_WITHIN = 15.0
_STOP_WITHIN = 10.0
_PORT_TRIES = 5


class FolderInUseError(ValkeyError):
    """Another Valkey keeps its files in the folder. The program that starts it knows how to choose another."""


class PortInUseError(ValkeyError):
    """Another program listens on the port."""


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOCAL, 0))
        port: int = probe.getsockname()[1]
        return port


def connect(port: int) -> redis.Redis:
    """A client of a local server that says nothing of itself and tries once."""
    return redis.Redis(
        host=LOCAL, port=port, driver_info=None, decode_responses=True, socket_timeout=1, retry=Retry(NoBackoff(), 0)
    )


def _until(deadline: float) -> Iterator[None]:
    """Yields at once and then every few milliseconds, ever slower, until the deadline."""
    pause = 0.002
    while time.monotonic() < deadline:
        yield
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


class ValkeyServer:
    """One server that listens on 127.0.0.1 only and ends with the process that started it.

    Persistent servers have every write on disk before they answer it, so neither a killed process nor a machine that
    loses power loses what was acknowledged. Not `everysec`: while the disk is busy it puts even the writing off, and a
    process that is killed then loses what it answered (Valkey documentation, "Persistence").
    """

    def __init__(self, *, port: int, folder: Path, persistent: bool, options: Mapping[str, str]) -> None:
        self.port = port
        self.folder = folder
        self._persistent = persistent
        self._options = dict(options)
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline: Lifeline | None = None
        self._forget: Callable[[], object] | None = None
        self._abandoned = threading.Event()

    @classmethod
    def start(
        cls,
        *,
        port: int | None = None,
        folder: Path | None = None,
        persistent: bool = False,
        options: Mapping[str, str] | None = None,
    ) -> Self:
        """Starts a server, and returns when it answers.

        Args:
            port: A free one when not given.
            folder: Where its files are; a temporary one, gone with the `with` block or the program, when not given.
            persistent: Whether what was written is there again after a restart on the folder.
            options: Further directives of valkey.conf.

        Raises:
            FolderInUseError: Another server runs on the folder.
            PortInUseError: The port that was asked for is taken.
            ValkeyError: It does not start; the message has its last words.
        """
        home = folder if folder is not None else Path(tempfile.mkdtemp(prefix="valkey-"))
        home.mkdir(parents=True, exist_ok=True)
        tries = _PORT_TRIES if port is None else 1
        for left in reversed(range(tries)):
            server = cls(port=port or free_port(), folder=home, persistent=persistent, options=options or {})
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
    def url(self) -> str:
        """Where clients connect."""
        return f"redis://{LOCAL}:{self.port}"

    @property
    def pid(self) -> int:
        """The process that serves.

        Raises:
            ValkeyError: It does not run.
        """
        if self._process is None:
            raise ValkeyError(f"The Valkey of port {self.port} is stopped; restart() starts it again.")
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
            FolderInUseError, PortInUseError, ValkeyError: As `start` says; or it was abandoned.
            OSError: The folder cannot be written to.
        """
        self.stop()
        lock = self._lock_folder()
        try:
            log = self.folder / "valkey.log"
            log.write_bytes(b"")
            # TERM, not KILL: an orphan closes its files in order.
            self._lifeline = Lifeline(ending=signal.SIGTERM)
            with log.open("ab") as output:
                self._process = subprocess.Popen(  # noqa: S603 - our own program and options
                    self._command(),
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
                self._process.wait(timeout=_STOP_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._end()

    def kill(self) -> None:
        """Ends the process by SIGKILL, as a fault would."""
        if self._process is not None:
            self._process.kill()
        self._end()

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
            raise ValkeyError(f"The Valkey of port {self.port} is not wanted any more.")

    def _command(self) -> list[str]:
        directives = {
            "bind": LOCAL,
            "port": str(self.port),
            "dir": str(self.folder),
            "daemonize": "no",
            "save": "",
            "appendonly": "yes" if self._persistent else "no",
            "appendfsync": "always",
            **self._options,
        }
        words = [str(find_binary())]
        for name, value in directives.items():
            words += [f"--{name}", value]
        return words

    def _await_ready(self, log: Path) -> None:
        client = connect(self.port)
        deadline = time.monotonic() + _READY_WITHIN
        try:
            for _ in _until(float("inf")):
                self._require_wanted()
                if not self.running:
                    self._raise_last_words(log)
                try:
                    # Another server on the port would answer too.
                    if client.info("server")["process_id"] == self.pid:
                        client.ping()
                        return
                except redis.BusyLoadingError:
                    # It reads its data, which takes as long as there is any.
                    deadline = time.monotonic() + _READY_WITHIN
                except redis.RedisError:
                    pass
                if time.monotonic() > deadline:
                    raise ValkeyError(
                        f"Valkey on port {self.port} gave no answer within {_READY_WITHIN:.0f} s; see {log}."
                    )
        finally:
            client.close()

    def _raise_last_words(self, log: Path) -> None:
        words = log.read_text(errors="replace").strip()
        if "Address already in use" in words:
            raise PortInUseError(f"Port {self.port} is in use by another program. Choose another, or leave it out.")
        last = f" Its last words:\n{words[-2000:]}" if words else ""
        raise ValkeyError(f"Valkey ended as it started ({self.ending}).{last}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._forget is not None:
            self._forget()
