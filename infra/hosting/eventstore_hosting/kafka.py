"""One broker that speaks Kafka's protocol as a child process: `noida-db`, for trying out."""

from __future__ import annotations

import json
import os
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Self

from eventstore_hosting.kept_server import LOCAL, KeptServer, ServerError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["KafkaBroker", "KafkaError"]

_FOR_TRYING_OUT = (
    "Kafka is noida-db here, a broker for trying out: if it is killed, it loses the events of the last seconds before."
)
_WAS_KILLED = " It was killed when it last ran, so such events may be missing (docs/backends.md)."
_CONTROL = "noida.control.json"
"""A file that the broker writes when it listens, and removes when it has saved all records and ends."""

_API_VERSIONS = bytes.fromhex("0000000a 0012 0000 00000007 ffff")
"""A request of Kafka's protocol: 10 bytes, ApiVersions (18) version 0, correlation id 7, a client without a name."""


class KafkaError(ServerError):
    """Kafka is not there, or does not do as asked; the message says what would be right."""


class KafkaBroker(KeptServer):
    """One broker on 127.0.0.1, without TLS and users, which ends with the process that started it.

    It keeps records in memory, and saves all of them each second and when it is stopped. One that was killed has what
    it saved last. It is no Kafka: its topics have no ids.
    """

    name = "Kafka"
    error = KafkaError
    data = "what it saved"
    # It reads and writes all its records at once: a second for some 30 MB.
    ready_within = 60.0
    stop_within = 60.0

    def __init__(self, *, port: int, folder: Path) -> None:
        super().__init__(port=port, folder=folder)
        self._was_killed = False

    @classmethod
    def start(cls, *, port: int | None = None, folder: Path | None = None) -> Self:
        """Starts a broker, and returns when it answers.

        Args:
            port: A free one when not given.
            folder: Where its files are; a temporary one, gone with the `with` block or the program, when not given.

        Raises:
            FolderInUseError: Another broker runs on the folder.
            PortInUseError: The port that was asked for is taken.
            KafkaError: It does not start; the message has its last words.
        """
        return cls._started(port=port, folder=folder)

    @property
    def url(self) -> str:
        """The `KAFKA_BROKERS` of the broker."""
        return f"{LOCAL}:{self.port}"

    @property
    def notice(self) -> str:
        """What its user must know."""
        return _FOR_TRYING_OUT + (_WAS_KILLED if self._was_killed else "")

    def _command(self) -> Sequence[str]:
        self._was_killed = self._control.exists()
        options = ["--only", "kafka", "--host", LOCAL, "--kafka-port", str(self.port)]
        # It keeps settings at home.
        home = ["env", f"HOME={self.folder}"]
        return [*home, str(_find_binary()), "start", *options, "--data-dir", str(self._data)]

    def _answers(self) -> bool:
        try:
            # Another broker on the port would answer as well.
            if json.loads(self._control.read_bytes())["pid"] != self.pid:
                return False
            with socket.create_connection((LOCAL, self.port), 1) as probe, probe.makefile("rb") as answers:
                probe.sendall(_API_VERSIONS)
                answer = answers.read(10)
        except (OSError, ValueError):
            return False
        # After the length: the correlation id, and no error.
        return answer[4:] == _API_VERSIONS[8:12] + bytes(2)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _control(self) -> Path:
        return self._data / _CONTROL


def _find_binary() -> Path:
    """The broker's program file.

    Raises:
        KafkaError: There is none for this machine.
    """
    wheel = find_spec("noida_db")
    for folder in (wheel and wheel.submodule_search_locations) or ():
        program = Path(folder) / "noida-db"
        if program.is_file():
            if not os.access(program, os.X_OK):
                # The wheel does not say that it is a program.
                program.chmod(0o755)
            return program
    raise KafkaError(
        "No Kafka broker found. Install the 'noida-db' wheel (`pip install noida-db`, Linux and macOS), or set "
        "KAFKA_BROKERS to brokers that run."
    )
