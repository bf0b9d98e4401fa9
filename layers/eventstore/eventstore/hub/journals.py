"""The journal that a deployment's settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.errors import SettingsError
from eventstore.streams import DEFAULT_PARTITIONS

if TYPE_CHECKING:
    from eventstore.hub.settings import Settings
    from eventstore.ports.journal import Journal

__all__ = ["journal_of"]

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
        try:
            from eventstore.adapters.kafka.address import KafkaBrokers
            from eventstore.adapters.kafka.journal import KafkaJournal
        except ModuleNotFoundError as error:
            raise SettingsError(
                "BACKEND is kafka, which needs the package confluent-kafka; it is not installed here. The extra kafka "
                "and the layer KafkaLayer of functions have it"
            ) from error

        return KafkaJournal(
            KafkaBrokers.parse(settings.kafka_brokers),
            name=settings.journal,
            partitions=settings.partitions or DEFAULT_PARTITIONS,
            replicas=settings.kafka_replicas,
        )
    return None
