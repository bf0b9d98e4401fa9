"""Reading a partition of a topic: what follows a position, and what is at given ones."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from eventstore.adapters.journal_errors import beyond_the_end
from eventstore.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from confluent_kafka import Consumer

    from eventstore.adapters.kafka.client import KafkaClient
    from eventstore.adapters.kafka.topic import Topic

__all__ = ["Found", "Reader"]

Found = tuple[int, bytes]
"""A position, and the content of its record."""

_READ_BYTES = 8 * 1024 * 1024
"""A read ends after about so many bytes."""

_NEAR = 256
"""Records between two positions are read rather than skipped if there are fewer: a read elsewhere takes 3 ms."""

_LISTENING_SECONDS = 0.1


class Reader:
    """Reads partitions. Threads may share it.

    Args:
        client: The client of the cluster.
        topic: The topic.
    """

    def __init__(self, client: KafkaClient, topic: Topic) -> None:
        self._client = client
        self._topic = topic

    def end(self, partition: int) -> int:
        """Return the position of the last record; 0 if there is none."""

        def asked() -> int:
            with self._client.consumer() as consumer:
                return self._end(consumer, TopicPartition(self._topic.name, partition))

        return self._client.run(asked)

    def following(self, partition: int, *, after: int, count: int) -> Sequence[Found]:
        """Return the next records after a position, at most `count`; fewer if they are long, none only at the end."""

        def asked() -> list[Found]:
            with self._client.consumer() as consumer:
                end = self._end(consumer, TopicPartition(self._topic.name, partition))
                found: list[Found] = []
                size = 0
                for each in self._records(consumer, partition, after + 1, min(after + count, end)):
                    found.append(each)
                    size += len(each[1])
                    if size > _READ_BYTES:
                        break
                return found

        return self._client.run(asked)

    def at(self, partition: int, positions: Sequence[int]) -> Sequence[Found]:
        """Return the records at ascending positions; see `Journal.fetch`."""

        def asked() -> list[Found]:
            with self._client.consumer() as consumer:
                end = self._end(consumer, TopicPartition(self._topic.name, partition))
                wanted = set(positions)
                if positions and positions[-1] > end:
                    raise beyond_the_end(partition, positions[-1], end)
                return [
                    each
                    for first, last in _runs(sorted(wanted))
                    for each in self._records(consumer, partition, first, last)
                    if each[0] in wanted
                ]

        return self._client.run(asked)

    def _end(self, consumer: Consumer, at: TopicPartition) -> int:
        offsets = consumer.get_watermark_offsets(at, timeout=self._client.answer_seconds)
        if offsets is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - the library's own codes begin so
        low, high = offsets
        if low:
            raise SettingsError(
                f"the topic {at.topic} of Kafka has lost the records before the offset {low} of partition "
                f"{at.partition}; the hub needs all of them"
            )
        return int(high)

    def _records(self, consumer: Consumer, partition: int, first: int, last: int) -> Iterator[Found]:
        """Yield the records from one position to another, which are all there."""
        if first > last:
            return
        consumer.assign([TopicPartition(self._topic.name, partition, first - 1)])
        try:
            for position in range(first, last + 1):
                yield position, self._next(consumer, position)
        finally:
            consumer.unassign()

    def _next(self, consumer: Consumer, position: int) -> bytes:
        since = time.monotonic()
        while True:
            message = consumer.poll(_LISTENING_SECONDS)
            if message is None:
                self._client.listen(since)
                if time.monotonic() > since + self._client.answer_seconds:
                    raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - as above
                continue
            error = message.error()
            if error:
                raise KafkaException(error)
            if message.offset() != position - 1:
                raise SettingsError(
                    f"the topic {self._topic.name} of Kafka has no record at the offset {position - 1} of partition "
                    f"{message.partition()}; was it compacted, or does a transaction write to it?"
                )
            return message.value() or b""


def _runs(positions: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last of positions that are near each other."""
    if not positions:
        return
    first = last = positions[0]
    for position in positions[1:]:
        if position - last > _NEAR:
            yield first, last
            first = position
        last = position
    yield first, last
