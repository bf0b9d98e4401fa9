"""The options of the server."""

from __future__ import annotations

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


def test_a_store_that_is_named_needs_no_folder_for_a_valkey() -> None:
    assert read_options([], {"DATA": "/data"}).data is not None
    assert read_options([], {"DATA": "/data", "REDIS_URL": "redis://valkey:6379"}).data is None
