"""The settings of librdkafka's clients (its CONFIGURATION.md says what each of them means)."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore.adapters.kafka.address import IAM
from eventstore.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventstore.adapters.kafka.address import KafkaBrokers

__all__ = [
    "Configuration",
    "client_configuration",
    "consumer_configuration",
    "ordered_producer_configuration",
    "producer_configuration",
]

Configuration = dict[str, object]

Token = tuple[str, float]
"""A token, and until when it is valid, in seconds since 1970."""

_CLIENT: Mapping[str, object] = {
    "client.id": "flunq-eventstore",
    # Errors come as results and to `error_cb`; the library would also write them to the process's standard error.
    "log_level": 0,
    "enable.metrics.push": False,
    "socket.keepalive.enable": True,
    "socket.nagle.disable": True,
    "socket.connection.setup.timeout.ms": 5000,
    # The hub makes its topics itself. A broker would make one that was deleted with its own settings.
    "allow.auto.create.topics": False,
    # A broker that is back is found soon: the default waits for up to ten seconds.
    "reconnect.backoff.max.ms": 500,
}

_PRODUCER: Mapping[str, object] = {
    "acks": "all",
    "max.in.flight.requests.per.connection": 1,
    # A producer with an identity takes half a second to a second for its first record. Repeats are ours (`client.py`).
    "enable.idempotence": False,
    "retries": 0,
    "linger.ms": 0,
    # The topic's limit is the one that holds: the library's own is lifted.
    "message.max.bytes": 1_000_000_000,
}

_SILENT = logging.getLogger("eventstore.librdkafka")
_SILENT.propagate = False
_SILENT.addHandler(logging.NullHandler())

_ORDERED_PRODUCER: Mapping[str, object] = {
    "acks": "all",
    # The broker refuses a batch if the one before it did not arrive, and one that arrives twice is stored once.
    "enable.idempotence": True,
    # A batch that fails for good ends the producer: no later one is sent.
    "enable.gapless.guarantee": True,
    # Nothing expires by itself, because a later record could expire later. Who waits gives up, and purges.
    "message.timeout.ms": 0,
    "linger.ms": 0,
    # That a producer ends is an error of the calls. The library would also write it to the process's standard error.
    "logger": _SILENT,
    # As above.
    "message.max.bytes": 1_000_000_000,
}

_CONSUMER: Mapping[str, object] = {
    "enable.auto.commit": False,
    "auto.offset.reset": "error",
    # The end is the high watermark, which positions are counted to, whatever a stranger's transaction does.
    "isolation.level": "read_uncommitted",
    # Nothing waits for records to come: only what is there is read.
    "fetch.wait.max.ms": 5,
    "fetch.queue.backoff.ms": 1,
    "fetch.error.backoff.ms": 20,
    # What is fetched ahead is dropped at the end of a read. A longer record comes nevertheless.
    "fetch.message.max.bytes": 256 * 1024,
    "queued.max.messages.kbytes": 8 * 1024,
}


def client_configuration(brokers: KafkaBrokers, *, token: Callable[[], Token] | None = None) -> Configuration:
    """Return what all clients of a cluster have in common.

    Args:
        brokers: The brokers, and who connects.
        token: Returns a token for `AWS_MSK_IAM`.

    Raises:
        SettingsError: A file is not there, or there is no token.
    """
    configuration: Configuration = {**_CLIENT, "bootstrap.servers": ",".join(map(str, brokers.brokers))}
    transport = "SSL" if brokers.tls else "PLAINTEXT"
    configuration["security.protocol"] = f"SASL_{transport}" if brokers.mechanism else transport
    if brokers.tls_ca:
        if not Path(brokers.tls_ca).is_file():
            raise SettingsError("the file of tls_ca in KAFKA_BROKERS is not there")
        configuration["ssl.ca.location"] = brokers.tls_ca
    if brokers.mechanism == IAM:
        configuration |= _by_token(token)
    elif brokers.mechanism:
        configuration["sasl.mechanism"] = brokers.mechanism
        configuration["sasl.username"] = brokers.user
        configuration["sasl.password"] = brokers.password
    return configuration


def producer_configuration(client: Configuration, *, seconds: float) -> Configuration:
    """Return the settings of a producer.

    Args:
        client: What all clients have in common.
        seconds: How long a record may take until it failed.
    """
    milliseconds = max(1, round(seconds * 1000))
    return {**client, **_PRODUCER, "message.timeout.ms": milliseconds, "request.timeout.ms": milliseconds}


def ordered_producer_configuration(client: Configuration, *, seconds: float) -> Configuration:
    """Return the settings of a producer whose records of a partition are stored in the order in which it sends them.

    Args:
        client: What all clients have in common.
        seconds: How long one request may take until it is sent again.
    """
    return {**client, **_ORDERED_PRODUCER, "request.timeout.ms": max(1, round(seconds * 1000))}


def consumer_configuration(client: Configuration, *, group: str) -> Configuration:
    """Return the settings of a consumer.

    Args:
        client: What all clients have in common.
        group: The name of a group, which the library wants although nothing is ever stored for it.
    """
    return {**client, **_CONSUMER, "group.id": group}


def _by_token(token: Callable[[], Token] | None) -> Configuration:
    if token is None:
        raise SettingsError(f"mechanism={IAM} of KAFKA_BROKERS needs keys of AWS")
    # Called here once, because the library does not say why its own call failed, and waits ten seconds for another.
    token()
    return {"sasl.mechanism": "OAUTHBEARER", "oauth_cb": lambda _configuration: token()}
