"""A WebSocket connection to the hub, by the library `websockets` (RFC 6455), with timeouts and pings of its own."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from math import inf
from typing import TYPE_CHECKING, Any, NoReturn

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import reconnect
from websockets.typing import Subprotocol

from eventstore_client.credentials import Outgoing
from eventstore_client.errors import ConnectFailed, TooLarge, problem_error
from eventstore_client.messages import SUBPROTOCOL, encode_message
from eventstore_client.processes import Process
from eventstore_client.proxies import proxy_for, proxy_note

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventstore_client.credentials import Credentials

__all__ = ["Connection"]

_ANSWER = 30.0
"""Seconds to wait for the response to a ping. API Gateway limits its functions to 29 seconds."""

_FRAME = 32 * 1024
"""The greatest size of a WebSocket frame (docs/protocol.md, "Limits"); a longer message is split into several."""

_TOO_BIG = 1009


class _Connect(reconnect):
    """Rejects redirects: the credentials are for this hub only."""

    def process_redirect(self, exc: Exception) -> Exception:
        """Treat a redirect as an error."""
        return exc


class Connection:
    """One connection. One thread receives; any thread of the process that opened it may send and close.

    Args:
        url: The hub's WebSocket address.
        ping_every: Seconds between pings, whether or not the hub sends messages meanwhile.
        credentials: The credentials of the handshake, which are renewed for it: the last connection may have lasted for
            hours.
        clock: Returns monotonic time in seconds.

    Raises:
        ConnectFailed: The address does not respond.
        NoCredentials: The credentials are not available.
        ProblemError: The hub, or its gateway, rejects the connection.
    """

    def __init__(
        self,
        url: str,
        *,
        ping_every: float,
        credentials: Credentials | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._ping_every = ping_every
        self._clock = clock
        self._stack = ExitStack()
        self._awaits_pong = False
        self._process = Process()
        # Serializes senders: the frames of one message must not mix with those of another.
        self._send_lock = threading.Lock()
        proxy = proxy_for(url)
        auth_headers = credentials.headers(Outgoing("GET", url), anew=True) if credentials else {}
        try:
            self._socket = self._stack.enter_context(
                _Connect(
                    url,
                    additional_headers=auth_headers,
                    subprotocols=[Subprotocol(SUBPROTOCOL)],
                    compression=None,
                    user_agent_header="eventstore-client",
                    proxy=proxy.url if proxy else None,
                    open_timeout=10.0,
                    ping_interval=None,
                    close_timeout=2.0,
                )
            )
        except InvalidStatus as error:
            body = bytes(error.response.body or b"")
            raise problem_error(error.response.status_code, body, credentials=credentials) from error
        except (OSError, WebSocketException) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ConnectFailed(f"no response from {url}{proxy_note(url)}: {reason}; is the hub running?") from error
        self._ping_due = clock() + ping_every

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message.

        Raises:
            ConnectFailed: The connection was lost.
            WrongProcess: The connection was opened before this process was forked.
        """
        self._process.check("the connection")
        text = encode_message(message)
        try:
            with self._send_lock:
                self._socket.send([text[start : start + _FRAME] for start in range(0, len(text), _FRAME)])
        except ConnectionClosed as error:
            self._raise_closed(error)
        self._ping_due = self._clock() + self._ping_every

    def receive(self, *, within: float = inf) -> str:
        """Return the next message. The hub must answer pings meanwhile.

        Args:
            within: Seconds after which the connection counts as lost if there is no message.

        Raises:
            ConnectFailed: The connection was lost or closed.
        """
        text = self.wait(within)
        if text is None:
            raise ConnectFailed(f"no response from {self._url} within {within:.0f} s")
        return text

    def wait(self, seconds: float) -> str | None:
        """Return the next message, or None after `seconds` without one. The hub must answer pings meanwhile.

        Raises:
            ConnectFailed: The connection was lost or closed.
            WrongProcess: The connection was opened before this process was forked.
        """
        self._process.check("the connection")
        deadline = self._clock() + seconds
        while True:
            now = self._clock()
            if now >= self._ping_due:
                self._ping()
            try:
                text = self._socket.recv(max(0.0, min(deadline, self._ping_due) - now), decode=True)
            except TimeoutError:
                if self._clock() >= deadline:
                    return None
                continue
            except ConnectionClosed as error:
                self._raise_closed(error)
            if self._awaits_pong:
                self._awaits_pong = False
                self._ping_due = self._clock() + self._ping_every
            return text

    def close(self) -> None:
        """Close the connection; a `receive` in another thread fails. In a forked process, do nothing."""
        if self._process.is_this:
            self._stack.close()

    def _ping(self) -> None:
        if self._awaits_pong:
            raise ConnectFailed(f"{self._url} did not answer a ping within {_ANSWER:.0f} s")
        self.send({"action": "ping"})
        self._awaits_pong = True
        self._ping_due = self._clock() + _ANSWER

    def _raise_closed(self, error: ConnectionClosed) -> NoReturn:
        reason = " ".join(str(error).split())
        if error.rcvd is not None and error.rcvd.code == _TOO_BIG:
            raise TooLarge(status=None, code="too-large", detail=reason, problem={}) from error
        raise ConnectFailed(f"the connection to {self._url} was lost: {reason}") from error
