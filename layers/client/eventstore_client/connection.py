"""The blocking face of `Link`: a WebSocket connection by the library `websockets`."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from math import inf
from typing import TYPE_CHECKING, Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import reconnect

from eventstore_client.blocking import SIGNALS_SEEN_WITHIN, finish
from eventstore_client.link import Link, WithoutRedirects, connect_error, handshake
from eventstore_client.transport import is_grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore_client.credentials import Credentials
    from eventstore_client.link import Socket

__all__ = ["BlockingSocket", "Connection", "open_socket"]


class _Connect(WithoutRedirects, reconnect):
    """Opens a connection."""


class BlockingSocket:
    """A `Socket` that blocks. One thread receives; any thread may send and close.

    Args:
        url: The hub's WebSocket address.
        credentials: The credentials of the handshake.

    Raises:
        ConnectFailed: The address does not respond.
        NoCredentials: The credentials are not available.
        ProblemError: The hub, or its gateway, rejects the connection.
    """

    def __init__(self, url: str, credentials: Credentials | None) -> None:
        self._stack = ExitStack()
        # Serializes senders: the frames of one message must not mix with those of another.
        self._send_lock = threading.Lock()
        options = handshake(url, credentials)
        try:
            self._socket = self._stack.enter_context(_Connect(url, **options))
        except (OSError, WebSocketException) as error:
            raise connect_error(error, url, credentials) from error

    async def send(self, frames: Sequence[str]) -> None:
        """See `Socket`."""
        with self._send_lock:
            self._socket.send(frames)

    async def receive(self, seconds: float) -> str:
        """See `Socket`. It ends early, so that the main thread sees its signals."""
        return self._socket.recv(min(seconds, SIGNALS_SEEN_WITHIN), decode=True)

    async def close(self) -> None:
        """See `Socket`."""
        self._stack.close()


def open_socket(url: str, credentials: Credentials | None) -> Socket:
    """Open a WebSocket, or what stands for one over gRPC.

    Args:
        url: The address of the hub for subscriptions.
        credentials: The credentials, which are renewed.

    Raises:
        ConnectFailed, NoCredentials, ProblemError: As for `BlockingSocket`.
    """
    if not is_grpc(url):
        return BlockingSocket(url, credentials)
    from eventstore_client.grpc.sockets import GrpcSocket  # noqa: PLC0415 - an extra

    return GrpcSocket.open(url, credentials)


class Connection:
    """One connection. One thread receives; any thread of the process that opened it may send and close.

    Args:
        url: The hub's WebSocket address.
        ping_every: Seconds between pings, whether or not the hub sends messages meanwhile.
        credentials: The credentials of the handshake, which are renewed for it.
        clock: Returns monotonic time in seconds.

    Raises:
        ConnectFailed, NoCredentials, ProblemError: As for `BlockingSocket`.
    """

    def __init__(
        self,
        url: str,
        *,
        ping_every: float,
        credentials: Credentials | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = Link(open_socket(url, credentials), url, ping_every=ping_every, clock=clock)

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message; see `Link.send`."""
        finish(self._link.send(message))

    def receive(self, *, within: float = inf) -> str:
        """Return the next message; see `Link.receive`."""
        return finish(self._link.receive(within=within))

    def wait(self, seconds: float) -> str | None:
        """Return the next message, or None after `seconds` without one; see `Link.wait`."""
        return finish(self._link.wait(seconds))

    def close(self) -> None:
        """Close the connection; a `wait` in another thread fails. In a forked process, do nothing."""
        finish(self._link.close())
