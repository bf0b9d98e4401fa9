"""The servers of a journal in a soak, and how they are struck."""

from __future__ import annotations

import os
from contextlib import contextmanager
from random import Random
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from tests.kafka_broker import KafkaBroker
from tests.nats_server import NatsCluster, NatsServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

__all__ = ["JOURNALS", "SoakJournal", "drawn"]

_NAME = "soak"
_PARTITIONS = 16


class SoakJournal(Protocol):
    """The servers of a journal."""

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables of a hub whose journal is there."""

    @property
    def can_be_struck(self) -> bool:
        """Whether what the servers acknowledged outlives `strike`."""

    def strike(self, random: Random) -> None:
        """Kill a server that leads, and start it again."""


class _Nats:
    """One server, which is away until it is started again."""

    can_be_struck = True

    def __init__(self, server: NatsServer) -> None:
        self._server = server

    @property
    def variables(self) -> Mapping[str, str]:
        return {"BACKEND": "nats", "NATS_URL": self._server.url}

    def strike(self, random: Random) -> None:  # noqa: ARG002 - there is one
        self._server.kill()
        self._server.restart()


class _NatsCluster:
    """Three servers, of which the leader of some partition is away until the partition has another one."""

    can_be_struck = True

    def __init__(self, cluster: NatsCluster) -> None:
        self._cluster = cluster

    @property
    def variables(self) -> Mapping[str, str]:
        return {"BACKEND": "nats", "NATS_URL": self._cluster.url, "NATS_REPLICAS": "3"}

    def strike(self, random: Random) -> None:
        stream = f"{_NAME}-{random.randrange(_PARTITIONS)}"
        leader = self._cluster.leader(stream)
        leader.kill()
        # It answers once there is another leader.
        self._cluster.leader(stream)
        leader.restart()


class _Kafka:
    """The broker of the tests, which has lost everything when it is killed."""

    can_be_struck = False

    def __init__(self, broker: KafkaBroker) -> None:
        self._broker = broker

    @property
    def variables(self) -> Mapping[str, str]:
        return {"BACKEND": "kafka", "KAFKA_BROKERS": self._broker.url}

    def strike(self, random: Random) -> None:  # noqa: ARG002 - see above
        raise AssertionError("the broker is never killed")


@contextmanager
def _nats() -> Iterator[SoakJournal]:
    with NatsServer.started() as server:
        yield _Nats(server)


@contextmanager
def _nats_cluster() -> Iterator[SoakJournal]:
    with NatsCluster.started() as cluster:
        yield _NatsCluster(cluster)


@contextmanager
def _kafka() -> Iterator[SoakJournal]:
    with KafkaBroker.started() as broker:
        yield _Kafka(broker)


JOURNALS: Mapping[str, Callable[[], AbstractContextManager[SoakJournal]]] = MappingProxyType(
    {"nats": _nats, "nats-cluster": _nats_cluster, "kafka": _kafka}
)
"""What runs the servers of each kind of journal during a block."""


def drawn(seed: int, half: int) -> str:
    """Return the kind of journal of a half of a soak: both halves of a seed have others. `SOAK_JOURNAL` names one.

    Args:
        seed: Decides on it.
        half: 0 or 1.
    """
    return os.environ.get("SOAK_JOURNAL") or Random(f"{seed} journal").sample(sorted(JOURNALS), 2)[half]
