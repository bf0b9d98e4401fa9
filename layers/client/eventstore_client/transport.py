"""Requests to the hub and what they come back as. urllib3 keeps the connections; it decides nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import urllib3

from eventstore_client.credentials import Outgoing
from eventstore_client.errors import ConnectFailed, Unencrypted, problem_error
from eventstore_client.processes import Process
from eventstore_client.proxies import is_here, proxy_for, through

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore_client.credentials import Credentials

__all__ = ["Transport", "checked_url", "private_url", "websocket_url"]

_TIMEOUT = urllib3.Timeout(connect=5.0, read=35.0)
"""API Gateway answers within 29 seconds ("Quotas for configuring and running a REST API")."""

_REFUSED = 400
_UNAUTHORIZED = 401
_PROXY_UNAUTHORIZED = 407


def checked_url(url: str) -> str:
    """The address without its trailing slash.

    Raises:
        ConnectFailed: It is no address over HTTP.
    """
    try:
        parsed = urllib3.util.parse_url(url)
    except urllib3.exceptions.LocationParseError:
        parsed = urllib3.util.Url()
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ConnectFailed(f"{url!r} is no address of a hub; one is such as http://127.0.0.1:8081")
    return url.rstrip("/")


def websocket_url(given: str | None, *, url: str) -> str:
    """The address given; else the one that belongs to a hub which answers over REST at `url`.

    Raises:
        ConnectFailed: It is no address of a WebSocket, or `url` does not tell it: behind API Gateway the two have
            nothing in common.
    """
    parsed = urlsplit(given or url)
    if given and parsed.scheme in {"ws", "wss"} and parsed.hostname:
        return given
    if given:
        raise ConnectFailed(f"{given!r} is no address of a WebSocket; one is such as ws://127.0.0.1:8081/ws")
    if parsed.scheme == "http" and not parsed.path:
        return f"ws://{parsed.netloc}/ws"
    raise ConnectFailed(
        f"{url} does not tell where the hub answers over WebSocket; give websocket_url, or "
        "EVENTSTORE_WEBSOCKET_URL beside EVENTSTORE_URL (the stack's output WebSocketUrl)"
    )


def private_url(url: str, credentials: Credentials | None) -> str:
    """The address, if what is shown there can be read by nobody on the way.

    Raises:
        Unencrypted: There are credentials, and it is an address over plain HTTP or WebSocket of another machine.
    """
    parsed = urlsplit(url)
    if credentials and parsed.scheme in {"http", "ws"} and not is_here(parsed.hostname or ""):
        raise Unencrypted(
            f"{url} is not encrypted, and {credentials} would be readable on the way; give an address that begins with "
            f"{parsed.scheme}s://, or one of this machine: localhost, 127.0.0.1 or [::1]"
        )
    return url


@dataclass(frozen=True, slots=True)
class Transport:
    """One hub, over connections that are kept and shared by threads, never by processes.

    A child that is forked has the parent's sockets, on which the answers to both would be mixed: it opens its own.
    """

    url: str
    connections: int
    credentials: Credentials | None = None
    _pools: tuple[Process, urllib3.PoolManager] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._open_pool()

    def send(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """The body of a successful answer. To 401, other credentials are shown, once, if there are any.

        Raises:
            ConnectFailed: There was no whole answer.
            NoCredentials: There is nothing to show.
            ClientError: The answer is a refusal; see `errors.problem_error`.
        """
        own = {"Accept": "application/json, application/problem+json", "User-Agent": "eventstore-client"}
        request = Outgoing(method, self.url + path, {**own, **(headers or {})}, body or b"")
        shown = self._shown(request)
        answer = self._sent(request, shown)
        if answer.status == _UNAUTHORIZED and shown != (shown := self._shown(request, anew=True)):
            answer = self._sent(request, shown)
        if answer.status >= _REFUSED:
            raise problem_error(answer.status, answer.data, shown=self.credentials)
        return answer.data

    def close(self) -> None:
        """Close the connections that no request uses."""
        process, pool = self._pools
        if process.is_this:
            pool.clear()

    def _open_pool(self) -> urllib3.PoolManager:
        proxy = proxy_for(self.url)
        pool = (
            proxy.pool(maxsize=self.connections, timeout=_TIMEOUT)
            if proxy
            else urllib3.PoolManager(maxsize=self.connections, timeout=_TIMEOUT)
        )
        object.__setattr__(self, "_pools", (Process(), pool))
        return pool

    def _pool(self) -> urllib3.PoolManager:
        # The parent's pool is not touched in a child: another thread may have held its locks when the fork came.
        process, pool = self._pools
        return pool if process.is_this else self._open_pool()

    def _shown(self, request: Outgoing, *, anew: bool = False) -> Mapping[str, str]:
        return self.credentials.headers(request, anew=anew) if self.credentials else {}

    def _sent(self, request: Outgoing, shown: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        try:
            # A redirection is not followed: what is shown is for this hub.
            answer = self._pool().request(
                request.method,
                request.url,
                body=request.body or None,
                headers={**request.headers, **shown},
                retries=False,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise ConnectFailed(
                f"no answer from {self.url}{through(self.url)}: {_reason(error)}; is the hub running there?"
            ) from error
        if answer.status == _PROXY_UNAUTHORIZED:
            raise ConnectFailed(
                f"no answer from {self.url}{through(self.url)}: the proxy asks for a user and a password"
            )
        return answer


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error.__context__
    text = str(cause or error) or type(error).__name__
    return " ".join(text.split())
