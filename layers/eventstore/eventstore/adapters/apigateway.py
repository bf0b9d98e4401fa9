"""The clients of a WebSocket API, through its @connections API.

Rules: API Gateway Developer Guide, "Use @connections commands in your backend service"; API Reference, "Amazon API
Gateway Management API".
"""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from urllib3.exceptions import HTTPError

from eventstore.ports.connections import Gone, Unreachable

if TYPE_CHECKING:
    from eventstore.adapters.signed import SignedRequests

__all__ = ["ApiGatewayConnections"]


class ApiGatewayConnections:
    """See `ports.Connections`. One try each: how often is the caller's to say.

    Args:
        requests: To the API's stage, for the service `execute-api`.
    """

    def __init__(self, requests: SignedRequests) -> None:
        self._requests = requests

    def post(self, connection: str, message: bytes) -> None:
        """See `Connections.post`."""
        try:
            answer = self._requests.send("POST", _place(connection), message)
        except HTTPError as error:
            raise Unreachable(str(error)) from error
        if answer.status == HTTPStatus.GONE:
            raise Gone(connection)
        if answer.status != HTTPStatus.OK:
            raise Unreachable(f"answered {answer.status}: {answer.data[:500]!r}")

    def close(self, connection: str) -> None:
        """See `Connections.close`."""
        with suppress(HTTPError):
            self._requests.send("DELETE", _place(connection))


def _place(connection: str) -> str:
    return f"/@connections/{quote(connection, safe='')}"
