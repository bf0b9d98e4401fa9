"""A topic that has the events of the hub as plain CloudEvents, for programs of others: the target of a rule."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException

from eventstore.adapters.kafka.event_records import record_of
from eventstore.adapters.kafka.ordered_writer import OrderedWriter
from eventstore.adapters.kafka.topic import ORDERED, Topic
from eventstore.errors import SettingsError, StoreUnavailable
from eventstore.frames.pushes import KAFKA_BYTES
from eventstore.ports.targets import TargetUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.adapters.kafka.client import KafkaClient
    from eventstore.frames.pushes import PushedEvent
    from eventstore.ports import Refusal
    from eventstore.subscriptions import Target

__all__ = ["EventsTopic"]

_LOGGER = logging.getLogger(__name__)

_NEEDED_BYTES = KAFKA_BYTES + 64 * 1024
"""The size of a push with the names of its streams and its headers: it may become one batch, which the topic limits."""


class EventsTopic:
    """See `ports.TargetAdapter`. The one topic that it writes has as many partitions as the hub.

    The topic is made when it is first used. How long it keeps events is its owner's choice; it must not be compacted.

    Args:
        client: The client of the cluster.
        name: The name of the topic.
        partitions: The number of partitions of the hub.
        replicas: On how many brokers each record is kept.
    """

    def __init__(self, client: KafkaClient, *, name: str, partitions: int, replicas: int) -> None:
        self._client = client
        self._name = name
        self._partitions = partitions
        self._topic = Topic(client, name=name, partitions=partitions, replicas=replicas, settings=ORDERED)
        self._writer = OrderedWriter(client)
        self._is_failing = False

    def check(self) -> None:
        """Make the topic, or check the one that is there. After that, do nothing until writing to it has failed.

        Raises:
            SettingsError: Its settings are not those that the hub needs, or the cluster refuses the hub.
            StoreUnavailable: No broker answers.
        """
        most_bytes = self._topic.most_bytes
        if most_bytes < _NEEDED_BYTES:
            self._topic.forget()
            raise SettingsError(
                f"the topic {self._name} of Kafka accepts records of {most_bytes} bytes (max.message.bytes); "
                f"the hub needs {_NEEDED_BYTES}"
            )

    def push(
        self,
        target: Target,
        events: Sequence[PushedEvent],
        *,
        attempt: int,  # noqa: ARG002 - a record is the same at each attempt
        timeout_ms: int,
    ) -> Mapping[int, Refusal]:
        """See `TargetAdapter.push`."""
        if target.address != self._name:
            raise TargetUnavailable(f"KAFKA_EVENTS_TOPIC does not name the topic {target.address} any more")
        try:
            self.check()
            records = [record_of(event, partitions=self._partitions) for event in events]
            self._writer.write(self._name, records, seconds=timeout_ms / 1000)
        except (SettingsError, StoreUnavailable) as error:
            raise self._failed(str(error)) from error
        except KafkaException as error:
            raise self._failed(f"Kafka does not store the events: {error.args[0].str()}") from error
        if self._is_failing:
            self._is_failing = False
            _LOGGER.info("the topic %s of Kafka takes events again", self._name)
        # No event can fail by itself: all fit.
        return {}

    def close(self) -> None:
        """Close the connections. Later pushes fail."""
        self._writer.close()
        self._client.close()

    def _failed(self, reason: str) -> TargetUnavailable:
        # It may have been deleted, or changed.
        self._topic.forget()
        if not self._is_failing:
            self._is_failing = True
            _LOGGER.warning("the topic %s of Kafka takes no events: %s; they are written later", self._name, reason)
        return TargetUnavailable(reason)
