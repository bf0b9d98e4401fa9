"""The clients of AWS services, with the timeouts and the retries that their functions have time for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_apigatewaymanagementapi.client import ApiGatewayManagementApiClient
    from types_boto3_sqs.client import SQSClient

__all__ = ["POSTS_AT_ONCE", "POST_MILLISECONDS", "connections_client", "sqs_client"]

POSTS_AT_ONCE = 16
"""Posts to different connections that one process has under way."""

_CONNECT_SECONDS, _POST_SECONDS = 1, 2

POST_MILLISECONDS = 1000 * (_CONNECT_SECONDS + _POST_SECONDS)
"""The longest that one post, or the end of a connection, takes."""


def sqs_client() -> SQSClient:
    """A client of SQS; botocore tries three times."""
    config = Config(
        connect_timeout=1,
        read_timeout=3,
        retries={"mode": "standard", "total_max_attempts": 3},
        tcp_keepalive=True,
        parameter_validation=False,
    )
    client: SQSClient = boto3.client("sqs", config=config)
    return client


def connections_client(url: Callable[[], str]) -> ApiGatewayManagementApiClient:
    """A client of a WebSocket API's connections; it tries once, for how often is the deliverer's to say.

    Args:
        url: Gives the API's address. It is not asked where botocore's own variable names an endpoint, for a stack that
            runs elsewhere than its template says.
    """
    elsewhere = "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI" in os.environ
    client: ApiGatewayManagementApiClient = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=None if elsewhere else url(),
        config=Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_POST_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 1},
            max_pool_connections=POSTS_AT_ONCE,
            parameter_validation=False,
        ),
    )
    return client
