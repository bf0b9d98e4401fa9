"""The `Journal` on Kafka: one topic, whose partitions are the hub's; positions are offsets + 1."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException

from eventstore.adapters.kafka.client import KafkaClient
from eventstore.adapters.kafka.reader import Reader
from eventstore.adapters.kafka.topic import Topic
from eventstore.errors import NotSupported, TooLarge
from eventstore.ports.journal import JournalEnd, JournalRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confluent_kafka import Message, Producer

    from eventstore.adapters.kafka.address import KafkaBrokers

__all__ = ["KafkaJournal"]

_LISTENING_SECONDS = 0.1
"""How often an append that waits looks for what its producer heard."""

_TOO_LARGE = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})


class KafkaJournal:
    """See `ports.journal.Journal`.

    The topic is made when it is first used, and must have the settings with which it would be made. Nothing is erased:
    Kafka removes the oldest records, or none.

    Args:
        brokers: The brokers, and who connects.
        name: The name of the topic.
        partitions: How many partitions it has: as many as the hub.
        replicas: On how many brokers each record is kept. From 3 on, a record is acknowledged when two have it.
        client: The client; None for one of `brokers`.
    """

    def __init__(
        self,
        brokers: KafkaBrokers,
        *,
        name: str = "eventstore",
        partitions: int = 16,
        replicas: int = 1,
        client: KafkaClient | None = None,
    ) -> None:
        self._client = client or KafkaClient(brokers, group=name)
        self._topic = Topic(self._client, name=name, partitions=partitions, replicas=replicas)
        self._reader = Reader(self._client, self._topic)

    @property
    def most_bytes(self) -> int:
        """See `Journal.most_bytes`: the topic's `max.message.bytes`, less what is around a record."""
        return self._topic.most_bytes

    @property
    def erases(self) -> bool:
        """See `Journal.erases`."""
        return False

    @property
    def is_costly_to_fetch(self) -> bool:
        """See `Journal.is_costly_to_fetch`."""
        return True

    def append(self, partition: int, record: bytes) -> int:
        """See `Journal.append`."""
        most_bytes = self.most_bytes
        if len(record) > most_bytes:
            raise _too_large(record, most_bytes)
        return self._client.run(lambda: self._appended(partition, record))

    def read(self, partition: int, *, after: int, count: int) -> Sequence[JournalRecord]:
        """See `Journal.read`."""
        return [JournalRecord(*found) for found in self._reader.following(partition, after=after, count=count)]

    def fetch(self, partition: int, positions: Sequence[int]) -> Sequence[JournalRecord]:
        """See `Journal.fetch`."""
        return [JournalRecord(*found) for found in self._reader.at(partition, positions)]

    def end(self, partition: int) -> JournalEnd:
        """See `Journal.end`.

        The identity is the id of the cluster and that of the topic, which is another one if it was deleted and made
        anew. Brokers before Kafka 2.8 have no ids of topics: then it is the cluster's alone.
        """
        identity = self._topic.identity()
        while True:
            position = self._reader.end(partition)
            # The topic may have been made anew in between.
            after = self._topic.identity()
            if after == identity:
                return JournalEnd(identity, position)
            identity = after

    def erase(self, partition: int, position: int) -> None:
        """See `Journal.erase`.

        Raises:
            NotSupported: Always.
        """
        raise NotSupported(
            f"the record {position} of partition {partition} cannot be erased: Kafka does not remove single records"
        )

    def close(self) -> None:
        """See `Journal.close`."""
        self._client.close()

    def _appended(self, partition: int, record: bytes) -> int:
        with self._client.producer() as producer:
            error, message = self._delivered(producer, partition, record)
            if error is None:
                return int(message.offset() or 0) + 1
            if error.code() in _TOO_LARGE:
                raise _too_large(record, self.most_bytes)
            raise KafkaException(error)

    def _delivered(self, producer: Producer, partition: int, record: bytes) -> tuple[KafkaError | None, Message]:
        """Send a record, and return what became of it."""
        delivered: list[tuple[KafkaError | None, Message]] = []
        since = time.monotonic()
        producer.produce(
            self._topic.name,
            record,
            partition=partition,
            on_delivery=lambda error, message: delivered.append((error, message)),
        )
        while not delivered:
            producer.poll(_LISTENING_SECONDS)
            if not delivered:
                self._client.listen(since)
        return delivered[0]


def _too_large(record: bytes, most_bytes: int) -> TooLarge:
    return TooLarge(f"a record has {len(record)} bytes; the topic of Kafka accepts {most_bytes} (max.message.bytes)")
