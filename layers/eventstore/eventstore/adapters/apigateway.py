"""The clients of a WebSocket API, through its @connections API."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from eventstore.ports.connections import Gone, Unreachable

if TYPE_CHECKING:
    from types_boto3_apigatewaymanagementapi.client import ApiGatewayManagementApiClient

__all__ = ["ApiGatewayConnections"]


class ApiGatewayConnections:
    """See `ports.Connections`."""

    def __init__(self, client: ApiGatewayManagementApiClient) -> None:
        self._client = client

    def post(self, connection: str, message: bytes) -> None:
        """See `Connections.post`."""
        try:
            self._client.post_to_connection(ConnectionId=connection, Data=message)
        except self._client.exceptions.GoneException as error:
            raise Gone(connection) from error
        except (BotoCoreError, ClientError) as error:
            raise Unreachable(str(error)) from error

    def close(self, connection: str) -> None:
        """See `Connections.close`."""
        with suppress(BotoCoreError, ClientError):
            self._client.delete_connection(ConnectionId=connection)
