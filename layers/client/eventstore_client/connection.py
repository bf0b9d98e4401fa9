"""A WebSocket to the hub. The library `websockets` speaks the protocol (RFC 6455); it decides nothing."""

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
from eventstore_client.messages import SUBPROTOCOL, encoded
from eventstore_client.processes import Process
from eventstore_client.proxies import proxy_for, through

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventstore_client.credentials import Credentials

__all__ = ["Connection"]

_ANSWER = 30.0
"""Seconds in which the hub answers; API Gateway gives its functions 29."""

_FRAME = 32 * 1024
"""The most that a frame may hold (docs/protocol.md, "Limits"); a longer message goes in several."""

_TOO_BIG = 1009


class _Connect(reconnect):
    """Follows no redirection: what is shown is for this hub."""

    def process_redirect(self, exc: Exception) -> Exception:
        """Take it for the refusal that it is."""
        return exc


class Connection:
    """One connection. A single thread receives; any may send, and close it, in the process that opened it.

    Args:
        url: Where the hub answers over WebSocket.
        ping_every: Seconds after which the hub is asked for a sign of life, whatever it sent meanwhile.
        credentials: What the hub is shown; asked anew, for a connection may follow another that lasted for hours.
        clock: Seconds that never go back.

    Raises:
        ConnectFailed: Nobody answers there.
        NoCredentials: There is nothing to show.
        ProblemError: The hub, or the gateway before it, does not want the connection.
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
        self._pinged = False
        self._process = Process()
        # Threads take turns: a message of several frames is not to be mixed with another.
        self._sending = threading.Lock()
        proxy = proxy_for(url)
        shown = credentials.headers(Outgoing("GET", url), anew=True) if credentials else {}
        try:
            self._socket = self._stack.enter_context(
                _Connect(
                    url,
                    additional_headers=shown,
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
            raise problem_error(error.response.status_code, body, shown=credentials) from error
        except (OSError, WebSocketException) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ConnectFailed(f"no answer from {url}{through(url)}: {reason}; is the hub running there?") from error
        self._due = clock() + ping_every

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message.

        Raises:
            ConnectFailed: The connection broke.
            WrongProcess: It was opened before this process was forked.
        """
        self._process.check("the connection")
        text = encoded(message)
        try:
            with self._sending:
                self._socket.send([text[at : at + _FRAME] for at in range(0, len(text), _FRAME)])
        except ConnectionClosed as error:
            self._broken(error)
        self._due = self._clock() + self._ping_every

    def receive(self, *, within: float = inf) -> str:
        """The next message, however long that takes; the hub must answer pings meanwhile.

        Args:
            within: Seconds after which it counts as broken in any case.

        Raises:
            ConnectFailed: The connection broke, or was closed.
        """
        text = self.wait(within)
        if text is None:
            raise ConnectFailed(f"{self._url} did not answer within {within:.0f} s")
        return text

    def wait(self, seconds: float) -> str | None:
        """The next message; None if there is none within that many seconds. The hub must answer pings meanwhile.

        Raises:
            ConnectFailed: The connection broke, or was closed.
            WrongProcess: It was opened before this process was forked.
        """
        self._process.check("the connection")
        deadline = self._clock() + seconds
        while True:
            now = self._clock()
            if now >= self._due:
                self._ping()
            try:
                text = self._socket.recv(max(0.0, min(deadline, self._due) - now), decode=True)
            except TimeoutError:
                if self._clock() >= deadline:
                    return None
                continue
            except ConnectionClosed as error:
                self._broken(error)
            if self._pinged:
                self._pinged = False
                self._due = self._clock() + self._ping_every
            return text

    def close(self) -> None:
        """End it; `receive` in another thread fails then. In a process that was forked since, leave it alone."""
        if self._process.is_this:
            self._stack.close()

    def _ping(self) -> None:
        if self._pinged:
            raise ConnectFailed(f"{self._url} fell silent: a ping was not answered within {_ANSWER:.0f} s")
        self.send({"action": "ping"})
        self._pinged = True
        self._due = self._clock() + _ANSWER

    def _broken(self, error: ConnectionClosed) -> NoReturn:
        reason = " ".join(str(error).split())
        if error.rcvd is not None and error.rcvd.code == _TOO_BIG:
            raise TooLarge(status=None, code="too-large", detail=reason, problem={}) from error
        raise ConnectFailed(f"the connection to {self._url} ended: {reason}") from error
