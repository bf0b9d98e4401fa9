"""The calls of AWS services, with timeouts and retries that fit the time limits of the functions.

They do without boto3 (decision 051), which a function imports only where its variables do not suffice (`environment`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.adapters.aws.json_calls import JsonCalls
from eventstore.adapters.aws.service_calls import ServiceCalls

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.adapters.aws.environment import AwsEnvironment

__all__ = [
    "POSTS_AT_ONCE",
    "POST_MILLISECONDS",
    "archive_calls",
    "connections_calls",
    "eventbridge_target_calls",
    "lambda_target_calls",
    "secrets_calls",
    "sqs_calls",
    "sqs_target_calls",
]

POSTS_AT_ONCE = 16
"""The maximum number of posts that one process has in progress, each to another connection."""

_POST_SECONDS = 3

POST_MILLISECONDS = 1000 * _POST_SECONDS
"""The longest time that posting a message, or closing a connection, takes."""

_QUEUE_SECONDS, _QUEUE_ATTEMPTS = 4, 3
_SECRET_SECONDS, _SECRET_ATTEMPTS = 3, 2

_ARCHIVE_SECONDS, _ARCHIVE_ATTEMPTS = 20, 3

_TARGET_CONNECTIONS = 64
_TARGET_SECONDS = 100
"""The longest `ack_deadline` of a rule. The adapters name a shorter time for each call."""

_SQS = {"target": "AmazonSQS", "version": "1.0"}


def connections_calls(url: Callable[[], str], environment: AwsEnvironment) -> ServiceCalls:
    """Return calls of the connections of a WebSocket API. They are tried once: the `Deliverer` decides on retries.

    Args:
        url: Returns the address of the API. It is not called where botocore's own variable names an endpoint, for a
            stack whose endpoints are not those of its template.
        environment: Has the region and the keys.
    """
    endpoint = environment.own_endpoint("apigatewaymanagementapi") or url().rstrip("/")
    return ServiceCalls("execute-api", environment, endpoint=endpoint, seconds=_POST_SECONDS, connections=POSTS_AT_ONCE)


def sqs_calls(environment: AwsEnvironment) -> JsonCalls:
    """Return calls of the hub's own queues."""
    return JsonCalls(ServiceCalls("sqs", environment, seconds=_QUEUE_SECONDS, attempts=_QUEUE_ATTEMPTS), **_SQS)


def archive_calls(environment: AwsEnvironment) -> ServiceCalls:
    """Return calls of S3, for the archive."""
    return ServiceCalls("s3", environment, seconds=_ARCHIVE_SECONDS, attempts=_ARCHIVE_ATTEMPTS)


def secrets_calls(environment: AwsEnvironment) -> JsonCalls:
    """Return calls of Secrets Manager."""
    calls = ServiceCalls("secretsmanager", environment, seconds=_SECRET_SECONDS, attempts=_SECRET_ATTEMPTS)
    return JsonCalls(calls, target="secretsmanager", version="1.1")


def lambda_target_calls(environment: AwsEnvironment) -> ServiceCalls:
    """Return calls of the functions that are targets."""
    return _target_calls("lambda", environment)


def sqs_target_calls(environment: AwsEnvironment) -> JsonCalls:
    """Return calls of the queues that are targets."""
    return JsonCalls(_target_calls("sqs", environment), **_SQS)


def eventbridge_target_calls(environment: AwsEnvironment) -> JsonCalls:
    """Return calls of the event buses that are targets."""
    return JsonCalls(_target_calls("events", environment), target="AWSEvents", version="1.1")


def _target_calls(service: str, environment: AwsEnvironment) -> ServiceCalls:
    # Tried once: the hub repeats a push.
    return ServiceCalls(service, environment, seconds=_TARGET_SECONDS, connections=_TARGET_CONNECTIONS)
