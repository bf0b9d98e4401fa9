"""Kafka brokers as child processes: one that speaks the protocol, and keeps records for as long as it runs.

`python -m tests.kafka_broker COMMAND…` runs a command beside one, with BACKEND and KAFKA_BROKERS.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from eventstore_hosting.lifeline import Lifeline
from eventstore_hosting.valkey.server import LOCAL, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["KafkaBroker"]

_READY_WITHIN = 20.0


class KafkaBroker:
    """One broker on 127.0.0.1, without TLS and users. It is no Kafka: what it acknowledged is gone if it is killed.

    Attributes:
        port: Its port, also after it was started again.
    """

    def __init__(self, folder: Path, lifeline: Lifeline) -> None:
        self.port = free_port()
        self._folder = folder
        self._lifeline = lifeline
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[KafkaBroker]:
        """Run a broker during the block."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kafka-")))
            broker = cls(folder, stack.enter_context(Lifeline()))
            stack.callback(broker.stop)
            broker.start()
            yield broker

    @property
    def address(self) -> str:
        """The `KAFKA_BROKERS` of the broker."""
        return f"{LOCAL}:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program = Path(str(files("noida_db") / "noida-db"))
        # The wheel does not say that it is a program.
        program.chmod(0o755)
        quiet = subprocess.DEVNULL
        command = [str(program), "start", "--only", "kafka", "--host", LOCAL, "--kafka-port", str(self.port)]
        command += ["--data-dir", str(self._folder / "data")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=quiet,
                stdout=log,
                stderr=log,
                env={"HOME": str(self._folder), "PATH": os.environ["PATH"]},
                process_group=self._lifeline.group,
            )
        admin = AdminClient(
            {
                "bootstrap.servers": self.address,
                "log_level": 0,
                "reconnect.backoff.ms": 10,
                "reconnect.backoff.max.ms": 50,
            }
        )
        deadline = time.monotonic() + _READY_WITHIN
        while self._process.poll() is None and time.monotonic() < deadline:
            with suppress(KafkaException):
                admin.describe_cluster(request_timeout=1).result(2)
                return
        raise AssertionError(f"noida-db does not start: {(self._folder / 'log').read_text()[-2000:]}")

    def stop(self) -> None:
        """Stop it in order; what it keeps is there when it is started again."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


def main(command: Sequence[str]) -> int:
    """Return the exit code of a command that runs beside a broker."""
    with KafkaBroker.started() as broker:
        environment = os.environ | {"BACKEND": "kafka", "KAFKA_BROKERS": broker.address}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
