"""Connections to targets: to addresses that were checked, kept open between calls."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from eventstore.adapters.http.deadlines import TimedStream
from eventstore.adapters.http.receiving import receive
from eventstore.adapters.http.resolving import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.adapters.http.deadlines import Deadline
    from eventstore.adapters.http.receiving import Answer
    from eventstore.adapters.http.resolving import Resolve
    from eventstore.durable.public_addresses import IPAddress
    from eventstore.durable.target_urls import TargetUrl, UrlRules

__all__ = ["TargetConnections", "connect_to", "tls_context"]

_MAX_IDLE_SECONDS = 20.0
"""Servers close idle connections, and networks forget them without a word."""

_MAX_AGE_SECONDS = 300.0
"""After this, the name of the host is resolved again, and its certificate is verified again."""

_MAX_IDLE_CONNECTIONS = 32
_MAX_ADDRESSES = 4

_CLOSED = (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""What sending and receiving raise if the other side has closed the connection; `RemoteDisconnected` is among them."""


class _Connection(NamedTuple):
    """A connection, and when it was opened and used last, by the time of day.

    A function that stands still between calls may have stopped the other clocks.
    """

    sock: socket.socket
    origin: tuple[str, str, int]
    opened: float
    used: float

    def is_worn(self, now: float) -> bool:
        return now - self.used > _MAX_IDLE_SECONDS or now - self.opened > _MAX_AGE_SECONDS


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
        self._idle: list[_Connection] = []
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
            stream = TimedStream(kept.sock, deadline)
            try:
                return self._exchange(kept, stream, request)
            except _CLOSED:
                if stream.received:
                    raise
        opened = self._open(url, deadline)
        return self._exchange(opened, TimedStream(opened.sock, deadline), request)

    def close(self) -> None:
        """Close the connections that are kept."""
        with self._lock:
            idle, self._idle = self._idle, []
        for kept in idle:
            kept.sock.close()

    def _exchange(self, connection: _Connection, stream: TimedStream, request: bytes) -> Answer:
        reusable = False
        try:
            try:
                stream.sendall(request)
            except _CLOSED:
                # It may have answered before it closed: that it does not want so much, for instance.
                answer, _ = receive(stream)
            else:
                answer, reusable = receive(stream)
        finally:
            if reusable:
                self._keep(connection)
            else:
                connection.sock.close()
        return answer

    def _open(self, url: TargetUrl, deadline: Deadline) -> _Connection:
        addresses = [url.address] if url.address else self._resolve(url.host, deadline)
        self._rules.check_addresses(url, addresses)
        sock = self._connected(url, addresses[:_MAX_ADDRESSES], deadline)
        if url.scheme == "https":
            try:
                sock.settimeout(deadline.remaining())
                sock = self._tls.wrap_socket(sock, server_hostname=url.host)
            except BaseException:
                sock.close()
                raise
        now = time.time()
        return _Connection(sock, _origin(url), now, now)

    def _connected(self, url: TargetUrl, addresses: list[IPAddress], deadline: Deadline) -> socket.socket:
        failure: OSError = OSError("no address")
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            try:
                return self._connect(address, url.port, deadline.remaining() / left)
            except OSError as error:
                failure = error
        raise failure

    def _take(self, url: TargetUrl) -> _Connection | None:
        """Return a kept connection that is still open, and close those that were kept for too long."""
        while True:
            with self._lock:
                now = time.time()
                worn = [kept for kept in self._idle if kept.is_worn(now)]
                self._idle = [kept for kept in self._idle if not kept.is_worn(now)]
                mine = next((kept for kept in reversed(self._idle) if kept.origin == _origin(url)), None)
                if mine:
                    self._idle.remove(mine)
            for kept in worn:
                kept.sock.close()
            if mine is None or not _is_readable(mine.sock):
                return mine
            # What is there to be read is no answer to anything: the end of the connection, or words out of turn.
            mine.sock.close()

    def _keep(self, connection: _Connection) -> None:
        with self._lock:
            self._idle.append(connection._replace(used=time.time()))
            surplus = self._idle[:-_MAX_IDLE_CONNECTIONS]
            del self._idle[:-_MAX_IDLE_CONNECTIONS]
        for kept in surplus:
            kept.sock.close()


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


def _origin(url: TargetUrl) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port


def _is_readable(sock: socket.socket) -> bool:
    if isinstance(sock, ssl.SSLSocket) and sock.pending():
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
