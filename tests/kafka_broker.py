"""Kafka brokers as child processes: one that speaks the protocol, and keeps records for as long as it runs.

`python -m tests.kafka_broker COMMAND…` runs a command beside one, with BACKEND and KAFKA_BROKERS.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Self

from eventstore_hosting import kafka

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["KafkaBroker"]


class KafkaBroker(kafka.KafkaBroker):
    """One broker on 127.0.0.1. It is no Kafka: what it acknowledged last is gone if it is killed."""

    @classmethod
    def started(cls) -> Self:
        """Start a broker, which ends with the `with` block."""
        return cls.start()


def main(command: Sequence[str]) -> int:
    """Return the exit code of a command that runs beside a broker."""
    with KafkaBroker.started() as broker:
        environment = os.environ | {"BACKEND": "kafka", "KAFKA_BROKERS": broker.url}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
