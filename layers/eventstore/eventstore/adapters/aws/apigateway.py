"""Posting to the clients of a WebSocket API through its @connections API."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from eventstore.adapters.aws.service_calls import encoded
from eventstore.ports.connections import Gone, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore.adapters.aws.service_calls import ServiceCalls
    from eventstore.subscriptions import ConnectionId

__all__ = ["ApiGatewayConnections"]


class ApiGatewayConnections:
    """See `ports.Connections`.

    Args:
        calls: Calls the API.
    """

    def __init__(self, calls: ServiceCalls) -> None:
        self._calls = calls

    def post(self, connection: ConnectionId, message: bytes) -> None:
        """See `Connections.post`."""
        with _translated_errors(connection):
            self._calls.call("PostToConnection", _path(connection), message)

    def close(self, connection: ConnectionId) -> None:
        """See `Connections.close`."""
        with suppress(Gone), _translated_errors(connection):
            self._calls.call("DeleteConnection", _path(connection), method="DELETE")


def _path(connection: ConnectionId) -> str:
    return f"/@connections/{encoded(connection)}"


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
