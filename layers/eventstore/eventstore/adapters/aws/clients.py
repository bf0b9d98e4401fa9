"""The clients of AWS services, with timeouts and retries that fit the time limits of the functions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_apigatewaymanagementapi.client import ApiGatewayManagementApiClient
    from types_boto3_sqs.client import SQSClient

    from eventstore.adapters.aws.secrets import SecretsManagerClient

__all__ = ["POSTS_AT_ONCE", "POST_MILLISECONDS", "connections_client", "secrets_client", "sqs_client"]

POSTS_AT_ONCE = 16
"""The maximum number of posts that one process has in progress, each to another connection."""

_CONNECT_SECONDS, _POST_SECONDS = 1, 2

POST_MILLISECONDS = 1000 * (_CONNECT_SECONDS + _POST_SECONDS)
"""The longest time that posting a message, or closing a connection, takes."""


def sqs_client() -> SQSClient:
    """Create a client of SQS that tries every request up to three times."""
    config = Config(
        connect_timeout=1,
        read_timeout=3,
        retries={"mode": "standard", "total_max_attempts": 3},
        tcp_keepalive=True,
        parameter_validation=False,
    )
    client: SQSClient = boto3.client("sqs", config=config)
    return client


def secrets_client() -> SecretsManagerClient:
    """Create a client of Secrets Manager that tries every request up to twice."""
    config = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
    client: SecretsManagerClient = boto3.client("secretsmanager", config=config)
    return client


def connections_client(url: Callable[[], str]) -> ApiGatewayManagementApiClient:
    """Create a client of the connections of a WebSocket API. It tries once: the `Deliverer` decides on retries.

    Args:
        url: Returns the address of the API. It is not called where botocore's own variable names an endpoint, for a
            stack whose endpoints are not those of its template.
    """
    is_overridden = "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI" in os.environ
    client: ApiGatewayManagementApiClient = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=None if is_overridden else url(),
        config=Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_POST_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 1},
            max_pool_connections=POSTS_AT_ONCE,
            parameter_validation=False,
        ),
    )
    return client
