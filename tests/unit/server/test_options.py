"""The options of the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventstore.errors import SettingsError
from eventstore_server.options import read_options

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
    ],
)
def test_settings_that_do_not_work_are_refused(environment: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_options([], environment)


@pytest.mark.parametrize(
    ("environment", "embedded"),
    [
        ({}, (True, False)),
        ({"REDIS_URL": "redis://valkey:6379"}, (False, False)),
        ({"NATS_URL": "nats://nats:4222"}, (True, False)),
        ({"BACKEND": "nats"}, (True, True)),
        ({"BACKEND": "nats", "NATS_URL": "nats://nats:4222"}, (True, False)),
        ({"BACKEND": "nats", "REDIS_URL": "redis://valkey:6379"}, (False, True)),
    ],
)
def test_servers_that_are_not_named_are_embedded(environment: dict[str, str], embedded: tuple[bool, bool]) -> None:
    options = read_options([], {"DATA": "/data", **environment})
    assert (options.embeds_valkey, options.embeds_nats) == embedded
    assert options.data == Path("/data")
