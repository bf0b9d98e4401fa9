"""A topic of the hub: made when it is first used, and checked for whether it has the settings that the hub needs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import ConfigResource, NewTopic, ResourceType

from eventstore.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from confluent_kafka.admin import TopicDescription

    from eventstore.adapters.kafka.client import KafkaClient

__all__ = ["COMPLETE", "ORDERED", "Topic"]

ORDERED: Mapping[str, str] = {
    # Compaction would leave the last event of each stream.
    "cleanup.policy": "delete",
    # Amazon MSK allows it by default: a replica that is late would become the leader, and records vanish.
    "unclean.leader.election.enable": "false",
}
"""What the settings of a topic must be, so that only the oldest records are ever removed."""

COMPLETE: Mapping[str, str] = {**ORDERED, "retention.ms": "-1", "retention.bytes": "-1"}
"""What the settings of the topic of a journal must be, so that no record is removed, and offsets have no gap."""

_SAFE_REPLICAS = 3
"""From so many replicas on, each record must be on two of them before it is acknowledged."""

_NO_ID = "A" * 22
"""The id of a topic of brokers that have none (before Kafka 2.8)."""

_BATCH_BYTES = 76
"""What is around the content of a record: the header of a batch, 61 bytes, and up to 15 of the record's own."""


class Topic:
    """A topic. Threads may share it.

    Args:
        client: The client of the cluster.
        name: The name of the topic.
        partitions: How many partitions it must have.
        replicas: On how many brokers each record must be kept.
        settings: What its settings must be, and are if it is made.
    """

    def __init__(
        self,
        client: KafkaClient,
        *,
        name: str,
        partitions: int,
        replicas: int,
        settings: Mapping[str, str] = COMPLETE,
    ) -> None:
        self._client = client
        self._name = name
        self._partitions = partitions
        self._replicas = replicas
        self._needed = settings
        self._lock = threading.Lock()
        self._checked = ""
        self._most_bytes = 0

    @property
    def name(self) -> str:
        """The name of the topic; it exists, with the settings that the hub needs."""
        if not self._checked:
            self.identity()
        return self._name

    @property
    def most_bytes(self) -> int:
        """How long the content of a record may be, in bytes, as the topic's `max.message.bytes` allows it."""
        return self._most_bytes if self.name else 0

    def identity(self) -> str:
        """Return the id of the cluster and that of the topic. The topic is checked when it has another one.

        Raises:
            StoreUnavailable, SettingsError: As `Journal`.
        """
        identity = self._client.run(self._identity)
        if identity != self._checked:
            with self._lock:
                # Until it is checked, no call uses it.
                self._checked = ""
                self._check_settings(self._client.run(self._described))
                self._checked = identity
        return identity

    def forget(self) -> None:
        """Check the topic again at its next use: it may have been deleted, or changed."""
        with self._lock:
            self._checked = ""

    def _identity(self) -> str:
        topic = self._described()
        cluster = self._client.administer(lambda admin: admin.describe_cluster(request_timeout=self._seconds))
        # Brokers without ids of topics have at least one of the cluster.
        return f"{cluster.cluster_id}" if str(topic.topic_id) == _NO_ID else f"{cluster.cluster_id}/{topic.topic_id}"

    def _described(self) -> TopicDescription:
        """Return the description of the topic, which is made if there is none."""
        try:
            return self._description()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
        self._create()
        return self._description()

    def _description(self) -> TopicDescription:
        topics = TopicCollection([self._name])
        description: TopicDescription = self._client.administer(
            lambda admin: admin.describe_topics(topics, request_timeout=self._seconds)[self._name]
        )
        return description

    def _create(self) -> None:
        topic = NewTopic(
            self._name, self._partitions, self._replicas, config={**self._needed, **_least_in_sync(self._replicas)}
        )
        try:
            self._client.administer(
                lambda admin: admin.create_topics([topic], request_timeout=self._seconds)[self._name]
            )
        except KafkaException as error:
            problem = error.args[0]
            # Another process may have made it meanwhile.
            if problem.code() in _NOT_MADE:
                raise SettingsError(f"Kafka does not make the topic {self._name}: {problem.str()}") from error
            if problem.code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise

    def _check_settings(self, topic: TopicDescription) -> None:
        self._differs("partitions", len(topic.partitions), self._partitions)
        replicas = min(len(partition.replicas) for partition in topic.partitions)
        if replicas < self._replicas:
            raise self._wrong("replicas", replicas, f"{self._replicas} or more")
        found = self._client.run(self._settings)
        for setting, value in self._needed.items():
            self._differs(setting, found.get(setting), value)
        for setting, value in _least_in_sync(replicas).items():
            if int(found.get(setting, 0)) < int(value):
                raise self._wrong(setting, found.get(setting), f"{value} or more")
        self._most_bytes = max(0, int(found["max.message.bytes"]) - _BATCH_BYTES)

    def _settings(self) -> Mapping[str, str]:
        resource = ConfigResource(ResourceType.TOPIC, self._name)
        entries = self._client.administer(
            lambda admin: admin.describe_configs([resource], request_timeout=self._seconds)[resource]
        )
        return {name: str(entry.value) for name, entry in entries.items()}

    def _differs(self, setting: str, found: object, needed: object) -> None:
        """Raise `SettingsError` if a setting is not as it must be."""
        if found != needed:
            raise self._wrong(setting, found, repr(needed))

    def _wrong(self, setting: str, found: object, needed: str) -> SettingsError:
        return SettingsError(f"the topic {self._name} of Kafka has {setting} {found!r}; the hub needs {needed}")

    @property
    def _seconds(self) -> float:
        return self._client.answer_seconds


_NOT_MADE = frozenset(
    {
        KafkaError.INVALID_REPLICATION_FACTOR,
        KafkaError.INVALID_PARTITIONS,
        KafkaError.INVALID_CONFIG,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.POLICY_VIOLATION,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
    }
)


def _least_in_sync(replicas: int) -> Mapping[str, str]:
    return {"min.insync.replicas": "2" if replicas >= _SAFE_REPLICAS else "1"}
