"""Posting to the clients of a WebSocket API through its @connections API."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from eventstore.ports.connections import Gone, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_apigatewaymanagementapi.client import ApiGatewayManagementApiClient

    from eventstore.subscriptions import ConnectionId

__all__ = ["ApiGatewayConnections"]


class ApiGatewayConnections:
    """See `ports.Connections`."""

    def __init__(self, client: ApiGatewayManagementApiClient) -> None:
        self._client = client

    def post(self, connection: ConnectionId, message: bytes) -> None:
        """See `Connections.post`."""
        with _translated_errors(connection):
            self._client.post_to_connection(ConnectionId=connection, Data=message)

    def close(self, connection: ConnectionId) -> None:
        """See `Connections.close`."""
        with suppress(Gone), _translated_errors(connection):
            self._client.delete_connection(ConnectionId=connection)


@contextmanager
def _translated_errors(connection: ConnectionId) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        # By the status code: not every endpoint names the error as AWS does.
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.GONE:
            raise Gone(connection) from error
        raise Unreachable(str(error)) from error
    except BotoCoreError as error:
        raise Unreachable(str(error)) from error
