"""Writing records to a topic, so that no record of a partition is stored before an earlier one."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException

from eventstore.adapters.kafka.event_records import HEADERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confluent_kafka import Message, Producer

    from eventstore.adapters.kafka.client import KafkaClient
    from eventstore.adapters.kafka.event_records import EventRecord

__all__ = ["OrderedWriter"]

_POLL_SECONDS = 0.005
"""How long a thread may notice late that another one received the answers to its records."""


class OrderedWriter:
    """Writes records by one producer. Threads may share it, if each partition is written by one of them at a time.

    After an error the producer is ended with all that it has, and the next call makes another: what one call gave up
    cannot be stored behind what a later call writes.

    Args:
        client: The client of the cluster.
    """

    def __init__(self, client: KafkaClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._producing: _Producing | None = None
        self._is_closed = False

    def write(self, topic: str, records: Sequence[EventRecord], *, seconds: float) -> None:
        """Write records, and return when the brokers have acknowledged all of them.

        Args:
            topic: The name of the topic.
            records: The records. Those of a partition are stored in this order.
            seconds: For how long the brokers are tried.

        Raises:
            KafkaException: Some were not acknowledged. The first ones of each partition may be stored.
            SettingsError: The library refuses `KAFKA_BROKERS`.
        """
        producing = self._started()
        try:
            producing.write(topic, records, seconds=seconds)
        except BaseException:
            self._end(producing)
            raise

    def close(self) -> None:
        """End the producer. Later calls fail."""
        with self._lock:
            self._is_closed = True
            producing = self._producing
        if producing is not None:
            self._end(producing)

    def _started(self) -> _Producing:
        with self._lock:
            if self._is_closed:
                raise KafkaException(KafkaError(KafkaError._DESTROY))  # noqa: SLF001 - the library's own codes begin so
            if self._producing is None:
                self._producing = _Producing(self._client.ordered_producer(), self._client)
            return self._producing

    def _end(self, producing: _Producing) -> None:
        with self._lock:
            if self._producing is producing:
                self._producing = None
        producing.end()


class _Producing:
    """A producer until its first error."""

    def __init__(self, producer: Producer, client: KafkaClient) -> None:
        self._ended = threading.Event()
        # What is sent after the producer has ended would not be dropped.
        self._sending = threading.Lock()
        self._producer = producer
        self._client = client

    def write(self, topic: str, records: Sequence[EventRecord], *, seconds: float) -> None:
        answers: list[KafkaError | None] = []

        def answered(error: KafkaError | None, _: Message) -> None:
            answers.append(error)

        since = time.monotonic()
        with self._sending:
            if self._ended.is_set():
                raise _timed_out()
            for record in records:
                self._producer.produce(
                    topic,
                    record.value,
                    record.key,
                    partition=record.partition,
                    headers=list(HEADERS),
                    on_delivery=answered,
                )
        while True:
            if error := next((error for error in answers if error is not None), None):
                raise KafkaException(error)
            if len(answers) == len(records):
                return
            if self._ended.is_set() or time.monotonic() > since + seconds:
                raise _timed_out()
            self._producer.poll(_POLL_SECONDS)
            self._client.listen(since)

    def end(self) -> None:
        """Drop what waits or is under way, once. Other threads that wait for it find out."""
        with self._sending:
            if not self._ended.is_set():
                self._ended.set()
                self._producer.purge(in_queue=True, in_flight=True)


def _timed_out() -> KafkaException:
    return KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - the library's own codes begin so
