"""One Valkey server as a child process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from eventstore_hosting.kept_server import (
    LOCAL,
    FolderInUseError,
    KeptServer,
    LoadingError,
    PortInUseError,
    free_port,
)
from eventstore_hosting.valkey.binary import ValkeyError, find_binary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["LOCAL", "FolderInUseError", "PortInUseError", "ValkeyServer", "connect", "free_port"]


def connect(port: int) -> redis.Redis:
    """A client of a local server that says nothing of itself and tries once."""
    return redis.Redis(
        host=LOCAL, port=port, driver_info=None, decode_responses=True, socket_timeout=1, retry=Retry(NoBackoff(), 0)
    )


class ValkeyServer(KeptServer):
    """One server that listens on 127.0.0.1 only and ends with the process that started it.

    Persistent servers have every write on disk before they answer it, so neither a killed process nor a machine that
    loses power loses what was acknowledged. Not `everysec`: while the disk is busy it puts even the writing off, and a
    process that is killed then loses what it answered (Valkey documentation, "Persistence").
    """

    name = "Valkey"
    error = ValkeyError

    def __init__(self, *, port: int, folder: Path, persistent: bool, options: Mapping[str, str]) -> None:
        super().__init__(port=port, folder=folder)
        self._persistent = persistent
        self._options = dict(options)

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
        return cls._started(port=port, folder=folder, persistent=persistent, options=options or {})

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"redis://{LOCAL}:{self.port}"

    def _command(self) -> Sequence[str]:
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

    def _answers(self) -> bool:
        with connect(self.port) as client:
            try:
                if client.info("server")["process_id"] != self.pid:
                    return False
                client.ping()
            except redis.BusyLoadingError as error:
                raise LoadingError from error
            except redis.RedisError:
                return False
        return True
