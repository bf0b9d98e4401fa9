"""The options of the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventstore.errors import SettingsError
from eventstore_server.options import read_options

TOPIC = {"BACKEND": "kafka", "KAFKA_EVENTS_TOPIC": "orders"}
QUEUES = {"BELLS_QUEUE_URL": "https://sqs/bells.fifo", "DELIVERIES_QUEUE_URL": "https://sqs/deliveries.fifo"}


def test_instances_dispatch_unless_functions_are_to() -> None:
    assert read_options([], {}).dispatches
    assert read_options([], QUEUES).dispatches
    assert read_options([], {**QUEUES, "DISPATCH": "server"}).dispatches
    assert not read_options([], {**QUEUES, "DISPATCH": "lambda"}).dispatches


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"DISPATCH": "both"}, "DISPATCH is 'both'"),
        ({"DISPATCH": "lambda"}, "needs BELLS_QUEUE_URL"),
        ({"BELLS_QUEUE_URL": "https://sqs/bells.fifo"}, "belong together"),
        ({"DELIVERIES_QUEUE_URL": "https://sqs/deliveries.fifo"}, "belong together"),
        ({"AUTH": "iam"}, "API Gateway"),
        ({**QUEUES, **TOPIC, "DISPATCH": "lambda"}, "KAFKA_EVENTS_TOPIC is set, which takes turns of the server"),
        ({**TOPIC, "PUSHES_QUEUE_URL": "https://sqs/pushes.fifo"}, "KAFKA_EVENTS_TOPIC is set, .* PUSHES_QUEUE_URL"),
    ],
)
def test_settings_that_do_not_work_are_refused(environment: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_options([], environment)


@pytest.mark.parametrize(
    ("environment", "embedded"),
    [
        ({}, {"valkey"}),
        ({"REDIS_URL": "redis://valkey:6379"}, set()),
        ({"NATS_URL": "nats://nats:4222"}, {"valkey"}),
        ({"KAFKA_BROKERS": "kafka:9092"}, {"valkey"}),
        ({"BACKEND": "nats"}, {"valkey", "nats"}),
        ({"BACKEND": "nats", "NATS_URL": "nats://nats:4222"}, {"valkey"}),
        ({"BACKEND": "nats", "REDIS_URL": "redis://valkey:6379"}, {"nats"}),
        ({"BACKEND": "kafka"}, {"valkey", "kafka"}),
        ({"BACKEND": "kafka", "KAFKA_BROKERS": "kafka:9092"}, {"valkey"}),
        ({"BACKEND": "kafka", "REDIS_URL": "redis://valkey:6379"}, {"kafka"}),
    ],
)
def test_servers_that_are_not_named_are_embedded(environment: dict[str, str], embedded: set[str]) -> None:
    options = read_options([], {"DATA": "/data", **environment})
    embeds = {"valkey": options.embeds_valkey, "nats": options.embeds_nats, "kafka": options.embeds_kafka}
    assert {name for name, starts in embeds.items() if starts} == embedded
    assert options.data == Path("/data")
