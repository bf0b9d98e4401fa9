"""Requests to AWS that are signed by botocore and sent without its clients.

What a client of botocore does for each request, from endpoint rules to hooks, takes longer than all else that a
function does for an event; and to make one takes longer than the rest of a cold start.
"""

from __future__ import annotations

from socket import SO_KEEPALIVE, SOL_SOCKET
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from urllib3 import Timeout, connection_from_url
from urllib3.connection import HTTPConnection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.credentials import Credentials
    from urllib3 import BaseHTTPResponse

__all__ = ["SignedRequests"]

_TIMEOUT = Timeout(connect=1, read=3)
_OPTIONS = [*HTTPConnection.default_socket_options, (SOL_SOCKET, SO_KEEPALIVE, 1)]


class SignedRequests:
    """To one service, over connections that are kept.

    Args:
        url: Where it is; paths are appended.
        service: Its name in signatures.
        at_once: How many threads may ask.
    """

    def __init__(self, url: str, credentials: Credentials, *, service: str, region: str, at_once: int = 1) -> None:
        self._url = url.rstrip("/")
        self._path = urlsplit(self._url).path
        self._credentials = credentials
        self._service = service
        self._region = region
        self._pool = connection_from_url(
            url, maxsize=at_once, block=True, retries=False, timeout=_TIMEOUT, socket_options=_OPTIONS
        )

    def send(
        self, method: str, path: str, body: bytes = b"", *, headers: Mapping[str, str] | None = None
    ) -> BaseHTTPResponse:
        """Ask once.

        Raises:
            HTTPError: There is no answer.
        """
        request = AWSRequest(method, f"{self._url}{path}", headers=headers, data=body)
        SigV4Auth(self._credentials.get_frozen_credentials(), self._service, self._region).add_auth(request)
        return self._pool.urlopen(method, f"{self._path}{path}", body=body, headers=dict(request.headers))
