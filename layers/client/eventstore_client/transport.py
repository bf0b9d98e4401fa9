"""HTTP requests to the hub and the checks of its address. urllib3 keeps the connections; retries are in `backoff`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import urllib3

from eventstore_client.calls import Reply
from eventstore_client.credentials import Outgoing
from eventstore_client.errors import ConnectFailed, Unencrypted, problem_error
from eventstore_client.processes import Process
from eventstore_client.proxies import is_loopback, proxy_for, proxy_note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore_client.calls import Call
    from eventstore_client.credentials import Credentials

__all__ = ["Carrier", "Transport", "checked_url", "is_grpc", "private_url", "websocket_url"]

_TIMEOUT = urllib3.Timeout(connect=5.0, read=35.0)
"""API Gateway responds within 29 seconds ("Quotas for configuring and running a REST API")."""

_GRPC = frozenset({"grpc", "grpcs"})
_GRPC_EXAMPLE = "grpc://127.0.0.1:9001"

_BAD_REQUEST = 400
_UNAUTHORIZED = 401
_PROXY_UNAUTHORIZED = 407


def checked_url(url: str) -> str:
    """Return the address without its trailing slash.

    Raises:
        ConnectFailed: It is neither an HTTP address nor one of gRPC.
    """
    try:
        parsed = urllib3.util.parse_url(url)
    except urllib3.exceptions.LocationParseError:
        parsed = urllib3.util.Url()
    if parsed.scheme in _GRPC:
        return _checked_grpc_url(url, parsed)
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ConnectFailed(f"{url!r} is not an HTTP address such as http://127.0.0.1:8081")
    return url.rstrip("/")


def is_grpc(url: str) -> bool:
    """Whether an address is one of gRPC: `grpc://`, or `grpcs://` with TLS."""
    return urlsplit(url).scheme in _GRPC


def _checked_grpc_url(url: str, parsed: urllib3.util.Url) -> str:
    if parsed.auth:
        raise ConnectFailed("an address of gRPC must not contain a user or a password: pass credentials= instead")
    if not parsed.host or parsed.port is None or parsed.path not in {None, "", "/"} or parsed.query:
        raise ConnectFailed(f"{url!r} is not an address of gRPC with a host and a port, such as {_GRPC_EXAMPLE}")
    return f"{parsed.scheme}://{parsed.netloc}"


def websocket_url(configured: str | None, *, url: str) -> str:
    """Return the hub's WebSocket address, or the address of gRPC, by which subscriptions are calls.

    Args:
        configured: The address that the caller configured, if any.
        url: The hub's REST address, from which the WebSocket address is derived otherwise.

    Raises:
        ConnectFailed: `configured` is not a WebSocket address, or none can be derived from `url`: behind API Gateway
            the two addresses are unrelated.
    """
    if is_grpc(url):
        if configured:
            raise ConnectFailed(f"{url} is used for subscriptions, too: omit the WebSocket address {configured!r}")
        return url
    parsed = urlsplit(configured or url)
    if configured and parsed.scheme in {"ws", "wss"} and parsed.hostname:
        return configured
    if configured:
        raise ConnectFailed(f"{configured!r} is not a WebSocket address such as ws://127.0.0.1:8081/ws")
    if parsed.scheme == "http" and not parsed.path:
        return f"ws://{parsed.netloc}/ws"
    raise ConnectFailed(
        f"no WebSocket address: it cannot be derived from {url}; pass websocket_url= or --websocket-url, or set "
        "EVENTSTORE_WEBSOCKET_URL beside EVENTSTORE_URL (the stack's output WebSocketUrl)"
    )


def private_url(url: str, credentials: Credentials | None) -> str:
    """Return the address, provided that credentials may be sent to it.

    Args:
        url: An address of HTTP, WebSocket or gRPC.
        credentials: The credentials that are sent to it; None if there are none.

    Raises:
        Unencrypted: There are credentials, and the address is an unencrypted one of another machine.
    """
    parsed = urlsplit(url)
    if credentials and parsed.scheme in {"grpc", "http", "ws"} and not is_loopback(parsed.hostname or ""):
        raise Unencrypted(
            f"{url} is not encrypted, so {credentials} cannot be sent; use a {parsed.scheme}s:// address, or one of "
            "this machine: localhost, 127.0.0.1 or [::1]"
        )
    return url


class Carrier(Protocol):
    """Carries calls of the REST API to one hub: over HTTP, or as calls of gRPC. Threads share it."""

    @property
    def url(self) -> str:
        """The hub's address."""
        ...

    def carry(self, call: Call[Any]) -> Reply:
        """Send a call once, and return the response; raises as `Transport.exchange`."""
        ...

    def send(self, method: str, path: str) -> bytes:
        """Send a request without a body, and return the body of its response."""
        ...

    def close(self) -> None:
        """Close the idle connections."""
        ...


@dataclass(frozen=True, slots=True)
class Transport:
    """The HTTP connections to one hub. Threads share them; processes do not.

    A forked child has its parent's sockets, on which the responses to both would mix. It opens its own.

    Attributes:
        url: The hub's REST address.
        connections: The number of connections kept open.
        credentials: The credentials of each request; None if there are none.
    """

    url: str
    connections: int
    credentials: Credentials | None = None
    _pools: tuple[Process, urllib3.PoolManager] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._open_pool()

    def carry(self, call: Call[Any]) -> Reply:
        """See `Carrier`."""
        return self.exchange(call.method, call.target, body=call.content, headers=call.all_headers)

    def send(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Send a request and return the body of its response; see `exchange`."""
        return self.exchange(method, path, body=body, headers=headers).body

    def exchange(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Send a request and return its response. After 401, retry once if the credentials can be renewed.

        Args:
            method: The HTTP method.
            path: The path and query below the hub's address.
            body: The body of the request.
            headers: Headers in addition to the client's own.

        Raises:
            ConnectFailed: There was no complete response.
            NoCredentials: The credentials are not available.
            ClientError: The response is an error; see `errors.problem_error`.
        """
        own = {"Accept": "application/json, application/problem+json", "User-Agent": "eventstore-client"}
        request = Outgoing(method, self.url + path, {**own, **(headers or {})}, body or b"")
        auth_headers = self._auth_headers(request)
        answer = self._send_once(request, auth_headers)
        if answer.status == _UNAUTHORIZED and auth_headers != (renewed := self._auth_headers(request, anew=True)):
            answer = self._send_once(request, renewed)
        if answer.status >= _BAD_REQUEST:
            raise problem_error(answer.status, answer.data, credentials=self.credentials)
        return Reply(answer.data, answer.headers.get("ETag"))

    def close(self) -> None:
        """Close the idle connections."""
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
        # A child does not touch its parent's pool: another thread may have held its locks at the fork.
        process, pool = self._pools
        return pool if process.is_this else self._open_pool()

    def _auth_headers(self, request: Outgoing, *, anew: bool = False) -> Mapping[str, str]:
        return self.credentials.headers(request, anew=anew) if self.credentials else {}

    def _send_once(self, request: Outgoing, auth_headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        try:
            # Redirects are not followed: the credentials are for this hub only.
            answer = self._pool().request(
                request.method,
                request.url,
                body=request.body or None,
                headers={**request.headers, **auth_headers},
                retries=False,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise ConnectFailed(
                f"no response from {self.url}{proxy_note(self.url)}: {_reason(error)}; is the hub running?"
            ) from error
        if answer.status == _PROXY_UNAUTHORIZED:
            raise ConnectFailed(
                f"no response from {self.url}{proxy_note(self.url)}: the proxy requires a user and a password"
            )
        return answer


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error.__context__
    text = str(cause or error) or type(error).__name__
    return " ".join(text.split())
