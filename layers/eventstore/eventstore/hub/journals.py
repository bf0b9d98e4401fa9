"""The journal that a deployment's settings name, and the topic for other programs."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from eventstore.errors import SettingsError
from eventstore.streams import DEFAULT_PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore.adapters.kafka.events_topic import EventsTopic
    from eventstore.hub.settings import Settings
    from eventstore.ports.journal import Journal

__all__ = ["events_topic_of", "journal_of"]

_NOT_INSTALLED = (
    "BACKEND is kafka, which needs the package confluent-kafka; it is not installed here. The extra kafka and the "
    "layer KafkaLayer of functions have it"
)

_TOPIC_SECONDS = 3.0
"""For how long the topic is asked for: pushes of other rules wait for the same threads."""

# ruff: noqa: PLC0415 - imports are local to each kind: a process imports the client of its own journal only


def journal_of(settings: Settings) -> Journal | None:
    """Return the journal of a deployment; None if the store keeps events itself.

    Raises:
        SettingsError: The address of the journal is not valid, or what it needs is not installed.
    """
    if settings.backend == "nats":
        from eventstore.adapters.nats.address import NatsUrl
        from eventstore.adapters.nats.journal import NatsJournal

        return NatsJournal(NatsUrl.parse(settings.nats_url), name=settings.journal, replicas=settings.nats_replicas)
    if settings.backend == "kafka":
        with _installed():
            from eventstore.adapters.kafka.address import KafkaBrokers
            from eventstore.adapters.kafka.journal import KafkaJournal

        return KafkaJournal(
            KafkaBrokers.parse(settings.kafka_brokers),
            name=settings.journal,
            partitions=settings.partitions or DEFAULT_PARTITIONS,
            replicas=settings.kafka_replicas,
        )
    return None


def events_topic_of(settings: Settings) -> EventsTopic | None:
    """Return the topic that has the events for other programs; None if the deployment has none.

    Raises:
        SettingsError: The address of the brokers is not valid, or what it needs is not installed.
    """
    if not settings.kafka_events_topic:
        return None
    with _installed():
        from eventstore.adapters.kafka.address import KafkaBrokers
        from eventstore.adapters.kafka.client import KafkaClient
        from eventstore.adapters.kafka.events_topic import EventsTopic

    brokers = KafkaBrokers.parse(settings.kafka_brokers)
    return EventsTopic(
        KafkaClient(brokers, group=settings.kafka_events_topic, seconds=_TOPIC_SECONDS),
        name=settings.kafka_events_topic,
        partitions=settings.partitions or DEFAULT_PARTITIONS,
        replicas=settings.kafka_replicas,
    )


@contextmanager
def _installed() -> Iterator[None]:
    """Say what is missing if the library of Kafka cannot be imported in the block."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise SettingsError(_NOT_INSTALLED) from error
