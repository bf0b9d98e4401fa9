"""The clients of AWS services, with timeouts and retries that fit the time limits of the functions."""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_apigatewaymanagementapi.client import ApiGatewayManagementApiClient
    from types_boto3_sqs.client import SQSClient

    from eventstore.adapters.aws.secrets import SecretsManagerClient

__all__ = [
    "POSTS_AT_ONCE",
    "POST_MILLISECONDS",
    "QUICK_CALL_MS",
    "TargetClients",
    "connections_client",
    "secrets_client",
    "sqs_client",
]

POSTS_AT_ONCE = 16
"""The maximum number of posts that one process has in progress, each to another connection."""

_CONNECT_SECONDS, _POST_SECONDS = 1, 2

POST_MILLISECONDS = 1000 * (_CONNECT_SECONDS + _POST_SECONDS)
"""The longest time that posting a message, or closing a connection, takes."""

QUICK_CALL_MS = 10_000
"""The longest time of a call of a service that only stores what it is sent, as SQS and EventBridge do."""

_TARGET_CONNECTIONS = 64
_TARGET_CLIENTS = 8
_TARGET_CALL_MS = 900_000


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


class TargetClients:
    """The clients of one service that targets are called with, one for each time that a call may take.

    The timeouts of a client cannot be changed, so there is a client for each whole second; those that were used last
    are kept. A client tries once: the hub repeats a push.

    Args:
        service: The name of the service, as boto3 has it.
        most_ms: The longest time of a call, in milliseconds, whatever the caller allows.
        session: Makes the clients, in one thread at a time; by default a session of its own.
    """

    def __init__(
        self, service: str, *, most_ms: int = _TARGET_CALL_MS, session: boto3.session.Session | None = None
    ) -> None:
        self._service = service
        self._most_ms = most_ms
        # Any: the types of boto3 know the names of services, and not that this is one of them.
        self._session: Any = session or boto3.session.Session()
        self._lock = Lock()
        self._by_seconds: dict[int, Any] = {}

    def within(self, timeout_ms: int) -> Any:  # noqa: ANN401 - boto3 makes the classes of clients; only some have stubs
        """Return the client whose calls end in time.

        Args:
            timeout_ms: The milliseconds that a call may take, connecting included. They are rounded down to whole
                seconds, and are at least one second.
        """
        seconds = max(1, min(timeout_ms, self._most_ms) // 1000)
        # Sessions are not thread-safe.
        with self._lock:
            client = self._by_seconds.pop(seconds, None) or self._create(seconds)
            self._by_seconds[seconds] = client
            if len(self._by_seconds) > _TARGET_CLIENTS:
                # Not closed: another thread may be calling with it.
                del self._by_seconds[next(iter(self._by_seconds))]
        return client

    def _create(self, seconds: int) -> Any:  # noqa: ANN401 - as above
        connect_seconds = min(_CONNECT_SECONDS, seconds / 2)
        config = Config(
            connect_timeout=connect_seconds,
            read_timeout=seconds - connect_seconds,
            retries={"mode": "standard", "total_max_attempts": 1},
            max_pool_connections=_TARGET_CONNECTIONS,
            tcp_keepalive=True,
            parameter_validation=False,
        )
        return self._session.client(self._service, config=config)
