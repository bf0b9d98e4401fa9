"""A WebSocket connection to the hub (RFC 6455), with timeouts and pings of its own. `Socket` does the I/O."""

from __future__ import annotations

import time
from math import inf
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from eventstore_client.credentials import Outgoing
from eventstore_client.errors import ConnectFailed, TooLarge, problem_error
from eventstore_client.messages import SUBPROTOCOL, encode_message
from eventstore_client.processes import Process
from eventstore_client.proxies import proxy_for, proxy_note

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore_client.credentials import Credentials
    from eventstore_client.errors import ClientError

__all__ = ["Link", "Socket", "WithoutRedirects", "connect_error", "handshake"]

_ANSWER = 30.0
"""Seconds to wait for the response to a ping. API Gateway limits its functions to 29 seconds."""

_FRAME = 32 * 1024
"""The greatest size of a WebSocket frame (docs/protocol.md, "Limits"); a longer message is split into several."""

_TOO_BIG = 1009


class Socket(Protocol):
    """An open WebSocket, or what stands for one.

    All methods raise `websockets.exceptions.ConnectionClosed` when it is closed, or the error that closed it.
    """

    async def send(self, frames: Sequence[str]) -> None:
        """Send a message in frames."""
        ...

    async def receive(self, seconds: float) -> str:
        """Return the next message. If it is cancelled, no message is lost.

        Raises:
            TimeoutError: There was none in this time.
        """
        ...

    async def close(self) -> None:
        """Close it; a `receive` elsewhere fails."""
        ...


class WithoutRedirects:
    """The part of the connectors of `websockets` that rejects redirects: the credentials are for this hub only."""

    def process_redirect(self, exc: Exception) -> Exception:
        """Treat a redirect as an error."""
        return exc


class Link:
    """One connection. It belongs to the process that opened it.

    Args:
        socket: The WebSocket.
        url: The hub's WebSocket address.
        ping_every: Seconds between pings, whether or not the hub sends messages meanwhile.
        clock: Returns monotonic time in seconds.
    """

    def __init__(
        self, socket: Socket, url: str, *, ping_every: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._socket = socket
        self._url = url
        self._ping_every = ping_every
        self._clock = clock
        self._awaits_pong = False
        self._process = Process()
        self._ping_due = clock() + ping_every

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send a message.

        Raises:
            ConnectFailed: The connection was lost.
            WrongProcess: The connection was opened before this process was forked.
        """
        self._process.check("the connection")
        text = encode_message(message)
        try:
            await self._socket.send([text[start : start + _FRAME] for start in range(0, len(text), _FRAME)])
        except ConnectionClosed as error:
            self._raise_closed(error)
        self._ping_due = self._clock() + self._ping_every

    async def receive(self, *, within: float = inf) -> str:
        """Return the next message. The hub must answer pings meanwhile.

        Args:
            within: Seconds after which the connection counts as lost if there is no message.

        Raises:
            ConnectFailed: The connection was lost or closed.
        """
        text = await self.wait(within)
        if text is None:
            raise ConnectFailed(f"no response from {self._url} within {within:.0f} s")
        return text

    async def wait(self, seconds: float) -> str | None:
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
                await self._ping()
            try:
                text = await self._socket.receive(max(0.0, min(deadline, self._ping_due) - now))
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

    async def close(self) -> None:
        """Close the connection; a `receive` elsewhere fails. In a forked process, do nothing."""
        if self._process.is_this:
            await self._socket.close()

    async def _ping(self) -> None:
        if self._awaits_pong:
            raise ConnectFailed(f"{self._url} did not answer a ping within {_ANSWER:.0f} s")
        await self.send({"action": "ping"})
        self._awaits_pong = True
        self._ping_due = self._clock() + _ANSWER

    def _raise_closed(self, error: ConnectionClosed) -> NoReturn:
        reason = " ".join(str(error).split())
        if error.rcvd is not None and error.rcvd.code == _TOO_BIG:
            raise TooLarge(status=None, code="too-large", detail=reason, problem={}) from error
        raise ConnectFailed(f"the connection to {self._url} was lost: {reason}") from error


def handshake(url: str, credentials: Credentials | None) -> dict[str, Any]:
    """Return the options of `websockets` for a connection to the hub. The credentials are renewed: this may block.

    Raises:
        NoCredentials: The credentials are not available.
        ConnectFailed: The issuer of the credentials is unreachable, or the environment's proxy is not an HTTP proxy.
    """
    proxy = proxy_for(url)
    return {
        # The last connection may have lasted for hours.
        "additional_headers": credentials.headers(Outgoing("GET", url), anew=True) if credentials else {},
        "subprotocols": [Subprotocol(SUBPROTOCOL)],
        "compression": None,
        "user_agent_header": "eventstore-client",
        "proxy": proxy.url if proxy else None,
        "open_timeout": 10.0,
        "ping_interval": None,
        "close_timeout": 2.0,
    }


def connect_error(error: Exception, url: str, credentials: Credentials | None) -> ClientError:
    """Return the error for a handshake that failed.

    Args:
        error: An `OSError` or a `WebSocketException`.
        url: The hub's WebSocket address.
        credentials: The credentials of the handshake.
    """
    if isinstance(error, InvalidStatus):
        return problem_error(error.response.status_code, bytes(error.response.body or b""), credentials=credentials)
    reason = " ".join(str(error).split()) or type(error).__name__
    return ConnectFailed(f"no response from {url}{proxy_note(url)}: {reason}; is the hub running?")
