"""The clients of a WebSocket API, through its @connections API.

Requests are signed by botocore and sent without its client, whose own work on each would take longer than all else that
`deliver` does.

Rules: API Gateway Developer Guide, "Use @connections commands in your backend service"; API Reference, "Amazon API
Gateway Management API".
"""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from urllib3 import Timeout, connection_from_url
from urllib3.exceptions import HTTPError

from eventstore.ports.connections import Gone, Unreachable

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from urllib3 import BaseHTTPResponse

__all__ = ["ApiGatewayConnections"]

_TIMEOUT = Timeout(connect=1, read=3)


class ApiGatewayConnections:
    """See `ports.Connections`. One try each: how often is the caller's to say.

    Args:
        url: The API's stage, `https://…/ws`.
        credentials: Who posts.
        region: Where.
        at_once: How many threads may post.
    """

    def __init__(self, url: str, credentials: Credentials, *, region: str, at_once: int) -> None:
        self._url = url.rstrip("/")
        self._path = urlsplit(self._url).path
        self._credentials = credentials
        self._region = region
        self._pool = connection_from_url(url, maxsize=at_once, block=True, retries=False, timeout=_TIMEOUT)

    def post(self, connection: str, message: bytes) -> None:
        """See `Connections.post`."""
        try:
            answer = self._ask("POST", connection, message)
        except HTTPError as error:
            raise Unreachable(str(error)) from error
        if answer.status == HTTPStatus.GONE:
            raise Gone(connection)
        if answer.status != HTTPStatus.OK:
            raise Unreachable(f"answered {answer.status}: {answer.data[:500]!r}")

    def close(self, connection: str) -> None:
        """See `Connections.close`."""
        with suppress(HTTPError):
            self._ask("DELETE", connection, b"")

    def _ask(self, method: str, connection: str, body: bytes) -> BaseHTTPResponse:
        place = f"/@connections/{quote(connection, safe='')}"
        request = AWSRequest(method, f"{self._url}{place}", data=body)
        SigV4Auth(self._credentials.get_frozen_credentials(), "execute-api", self._region).add_auth(request)
        return self._pool.urlopen(method, f"{self._path}{place}", body=body, headers=dict(request.headers))
