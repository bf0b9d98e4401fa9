"""Kafka brokers as child processes: one that speaks the protocol, and keeps records for as long as it runs.

`python -m tests.kafka_broker COMMAND…` runs a command beside one, with BACKEND and KAFKA_BROKERS.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from eventstore_hosting.kept_server import LOCAL, KeptServer, ServerError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["KafkaBroker"]


class KafkaBroker(KeptServer):
    """One broker on 127.0.0.1, without TLS and users. It is no Kafka: what it acknowledged is gone if it is killed."""

    name = "Kafka"
    error = ServerError

    @classmethod
    def started(cls) -> Self:
        """Start a broker, which ends with the `with` block."""
        return cls._started(port=None, folder=None)

    @property
    def url(self) -> str:
        """The `KAFKA_BROKERS` of the broker."""
        return f"{LOCAL}:{self.port}"

    def _command(self) -> Sequence[str]:
        program = Path(str(files("noida_db") / "noida-db"))
        # The wheel does not say that it is a program.
        program.chmod(0o755)
        options = ["--only", "kafka", "--host", LOCAL, "--kafka-port", str(self.port)]
        # It keeps settings at home.
        home = ["env", f"HOME={self.folder}"]
        return [*home, str(program), "start", *options, "--data-dir", str(self.folder / "data")]

    def _answers(self) -> bool:
        admin = AdminClient(
            {
                "bootstrap.servers": self.url,
                "log_level": 0,
                "reconnect.backoff.ms": 10,
                "reconnect.backoff.max.ms": 50,
            }
        )
        try:
            admin.describe_cluster(request_timeout=1).result(2)
        except KafkaException:
            return False
        return True


def main(command: Sequence[str]) -> int:
    """Return the exit code of a command that runs beside a broker."""
    with KafkaBroker.started() as broker:
        environment = os.environ | {"BACKEND": "kafka", "KAFKA_BROKERS": broker.url}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
