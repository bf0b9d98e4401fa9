"""Connections to targets: to addresses that were checked, kept open between calls."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, NamedTuple, cast

from eventstore.adapters.http.deadlines import TimedStream
from eventstore.adapters.http.resolving import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.adapters.http.deadlines import Deadline
    from eventstore.adapters.http.resolving import Resolve
    from eventstore.durable.public_addresses import IPAddress
    from eventstore.durable.target_urls import TargetUrl, UrlRules

__all__ = ["Answer", "TargetConnections", "connect_to", "tls_context"]

_MAX_IDLE_SECONDS = 20.0
"""Servers close idle connections, and networks forget them without a word."""

_MAX_IDLE_CONNECTIONS = 32
_MAX_ADDRESSES = 4
_MAX_BODY = 4096
_BODY_SECONDS = 1.0
"""How long the body of an answer is awaited. It decides nothing: the status line does."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a target.

    Attributes:
        status: The status code.
        headers: The headers, by their names in lower case.
        body: The beginning of the body.
    """

    status: int
    headers: dict[str, str]
    body: bytes


class _Idle(NamedTuple):
    key: tuple[str, str, int]
    since: float
    sock: socket.socket


class TargetConnections:
    """Connections to targets. Threads may share it; each connection carries one call at a time.

    Args:
        rules: Decides where connections may lead.
        tls: The settings of TLS, with the authorities that are trusted.
        resolving: Resolves names of hosts.
        connecting: Connects to an address and a port within a number of seconds.
    """

    def __init__(
        self,
        rules: UrlRules,
        *,
        tls: ssl.SSLContext | None = None,
        resolving: Resolve = resolve,
        connecting: Callable[[IPAddress, int, float], socket.socket] | None = None,
    ) -> None:
        self._rules = rules
        self._tls = tls or tls_context()
        self._resolve = resolving
        self._connect = connecting or connect_to
        self._idle: list[_Idle] = []
        self._lock = threading.Lock()

    def send(self, url: TargetUrl, request: bytes, *, deadline: Deadline) -> Answer:
        """Send a request, and return the answer.

        If a kept connection turns out to be closed before any of an answer was received, the request is sent again on
        a new one. The target may then receive it twice, as it may by any other attempt.

        Args:
            url: Where the request goes.
            request: The request as it is sent.
            deadline: When the call ends.

        Raises:
            InvalidTarget: The host resolves to an address that the hub may not connect to.
            OSError: There is no connection, or no answer in time (`TimeoutError`).
            HTTPException: The answer is not HTTP.
        """
        kept = self._take(url)
        if kept:
            stream = TimedStream(kept, deadline)
            try:
                return self._exchange(url, kept, stream, request)
            except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
                # `RemoteDisconnected` is a ConnectionError as well.
                if stream.received:
                    raise
        sock = self._open(url, deadline)
        return self._exchange(url, sock, TimedStream(sock, deadline), request)

    def close(self) -> None:
        """Close the connections that are kept."""
        with self._lock:
            idle, self._idle = self._idle, []
        for kept in idle:
            kept.sock.close()

    def _exchange(self, url: TargetUrl, sock: socket.socket, stream: TimedStream, request: bytes) -> Answer:
        reusable = False
        try:
            try:
                stream.sendall(request)
            except ConnectionError:
                # It may have answered before it closed: that it does not want so much, for instance.
                answer, _ = _receive(stream)
            else:
                answer, reusable = _receive(stream)
        finally:
            if reusable:
                self._keep(url, sock)
            else:
                sock.close()
        return answer

    def _open(self, url: TargetUrl, deadline: Deadline) -> socket.socket:
        addresses = [url.address] if url.address else self._resolve(url.host, deadline)
        self._rules.check_addresses(url, addresses)
        sock = self._connected(url, addresses[:_MAX_ADDRESSES], deadline)
        if url.scheme == "http":
            return sock
        try:
            sock.settimeout(deadline.remaining())
            return self._tls.wrap_socket(sock, server_hostname=url.host)
        except BaseException:
            sock.close()
            raise

    def _connected(self, url: TargetUrl, addresses: list[IPAddress], deadline: Deadline) -> socket.socket:
        failure: OSError = OSError("no address")
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            try:
                return self._connect(address, url.port, deadline.remaining() / left)
            except OSError as error:
                failure = error
        raise failure

    def _take(self, url: TargetUrl) -> socket.socket | None:
        """Return a kept connection that is still open, and close those that were kept for too long."""
        while True:
            with self._lock:
                oldest = time.time() - _MAX_IDLE_SECONDS
                expired = [idle for idle in self._idle if idle.since < oldest]
                self._idle = [idle for idle in self._idle if idle.since >= oldest]
                mine = next((idle for idle in reversed(self._idle) if idle.key == _key(url)), None)
                if mine:
                    self._idle.remove(mine)
            for idle in expired:
                idle.sock.close()
            if mine is None or not _is_readable(mine.sock):
                return mine and mine.sock
            # What is there to be read is no answer to anything: the end of the connection, or words out of turn.
            mine.sock.close()

    def _keep(self, url: TargetUrl, sock: socket.socket) -> None:
        with self._lock:
            # By the time of day: a function that stands still between calls may have stopped the other clocks.
            self._idle.append(_Idle(_key(url), time.time(), sock))
            surplus = self._idle[:-_MAX_IDLE_CONNECTIONS]
            del self._idle[:-_MAX_IDLE_CONNECTIONS]
        for idle in surplus:
            idle.sock.close()


def tls_context() -> ssl.SSLContext:
    """Return the settings of TLS: 1.2 or later, with the certificate and the name of the host verified."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def connect_to(address: IPAddress, port: int, seconds: float) -> socket.socket:
    """Connect to an address; raise `OSError` if there is no connection after so many seconds."""
    sock = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)  # noqa: PLR2004 - IPv4
    try:
        sock.settimeout(seconds)
        sock.connect((str(address), port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


def _key(url: TargetUrl) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port


def _is_readable(sock: socket.socket) -> bool:
    if isinstance(sock, ssl.SSLSocket) and sock.pending():
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _receive(stream: TimedStream) -> tuple[Answer, bool]:
    """Return an answer, and whether the connection can be used again."""
    response = HTTPResponse(cast("socket.socket", stream), method="POST")
    response.begin()
    body, complete = b"", False
    stream.deadline = stream.deadline.at_most(_BODY_SECONDS)
    try:
        body = response.read(_MAX_BODY)
        complete = response.isclosed()
    except (OSError, HTTPException, ValueError):
        # The status line was received, and decides.
        complete = False
    response.close()
    headers = {name.lower(): value for name, value in response.getheaders()}
    reusable = complete and not response.will_close and not stream.has_surplus
    return Answer(response.status, headers, body), reusable
