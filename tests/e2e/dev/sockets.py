"""Shared by the tests of WebSocket APIs: clients, and a clock that the tests advance."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from websockets.sync.client import ClientConnection, connect

from tests.e2e.dev.conftest import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from websockets.typing import Subprotocol

    from tests.e2e.dev.conftest import Running
    from tests.e2e.hubs import Hub

SECONDS = 10.0


@contextmanager
def client(
    dev: Running,
    path: str = "/ws",
    *,
    query: dict[str, str] | None = None,
    subprotocols: Sequence[Subprotocol] | None = None,
    headers: Sequence[tuple[str, str]] = (),
) -> Iterator[ClientConnection]:
    url = dev.stack.url.replace("http", "ws", 1) + path + (f"?{urlencode(query)}" if query else "")
    with connect(url, subprotocols=subprotocols, additional_headers=headers, open_timeout=SECONDS) as connection:
        yield connection


def ask(connection: ClientConnection, message: object) -> Any:  # noqa: ANN401 - what JSON holds
    """Send a message; return its answer."""
    connection.send(json.dumps(message))
    return json.loads(connection.recv(timeout=SECONDS))


def context(connection: ClientConnection) -> dict[str, Any]:
    """The request context of an event of the connection."""
    request_context: dict[str, Any] = ask(connection, {"action": "describe"})["requestContext"]
    return request_context


def connection_id(connection: ClientConnection) -> str:
    return str(context(connection)["connectionId"])


def printed(dev: Running, kind: str, connection: str) -> list[dict[str, Any]]:
    """The events of a connection that the function printed."""
    events = []
    for line in dev.written.getvalue().splitlines():
        _, mark, event = line.partition(f"| {kind} ")
        if mark:
            parsed = json.loads(event)
            if parsed["requestContext"]["connectionId"] == connection:
                events.append(parsed)
    return events


def disconnected(dev: Running, connection: str) -> dict[str, Any]:
    """The disconnect event of a connection."""
    wait_until(lambda: printed(dev, "DISCONNECT", connection), what="$disconnect")
    [event] = printed(dev, "DISCONNECT", connection)
    return event


def opening(
    path: str, *, query: dict[str, str] | None = None, headers: Mapping[str, object] | None = None, method: str = "GET"
) -> bytes:
    """The text of a handshake; a header that is None is left out."""
    target = path + (f"?{urlencode(query)}" if query else "")
    fields: dict[str, object] = {
        "Host": "127.0.0.1",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": 13,
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        **(headers or {}),
    }
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""]).encode()


class RawClient:
    """A client that sends arbitrary bytes."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._input = connection.makefile("rb")

    @classmethod
    @contextmanager
    def connect(cls, dev: Running | Hub, request: bytes, *, buffer: int | None = None) -> Iterator[RawClient]:
        """Connect and send a request; what exceeds the receive buffer stays with the gateway."""
        host, port = dev.url.removeprefix("http://").split(":")
        with socket.socket() as connection:
            if buffer is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(SECONDS)
            connection.connect((host, int(port)))
            connection.sendall(request)
            client = cls(connection)
            with client._input:
                yield client

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def fill(self, data: bytes, *, most: int) -> int:
        """Send the bytes repeatedly until the peer accepts no more for a while; return how many were sent."""
        sent = 0
        self._connection.settimeout(0.5)
        with suppress(TimeoutError):
            while sent < most:
                sent += self._connection.send(data[sent % len(data) :])
        self._connection.settimeout(SECONDS)
        return sent

    def head(self) -> str:
        """The status line and headers of the answer."""
        return b"".join(iter(self._input.readline, b"\r\n")).decode()

    def frame(self) -> tuple[int, bytes] | None:
        """The first byte and the payload of the next frame; None at the end."""
        head = self._input.read(2)
        if not head:
            return None
        size = head[1]
        if size >= 126:
            size = int.from_bytes(self._input.read(2 if size == 126 else 8), "big")
        return head[0], self._input.read(size)


@dataclass
class FastClock:
    """A clock that a test advances, for timers in the thread of the stack."""

    passed: float = 0.0
    began: float = field(default_factory=time.time)
    _loop: asyncio.AbstractEventLoop | None = None
    _calls: list[FastTimer] = field(default_factory=list)

    def now(self) -> float:
        return self.began + self.passed

    def call_later(self, seconds: float, callback: Callable[[], object]) -> FastTimer:
        self._loop = asyncio.get_running_loop()
        timer = FastTimer(self.passed + seconds, callback)
        self._calls.append(timer)
        return timer

    def advance(self, seconds: float) -> None:
        """Advance the clock; return when every due timer has fired."""

        async def pass_by() -> None:
            self.passed += seconds
            for timer in [timer for timer in self._calls if timer.due <= self.passed]:
                self._calls.remove(timer)
                if not timer.cancelled:
                    timer.callback()

        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(pass_by(), self._loop).result(SECONDS)


@dataclass(eq=False)
class FastTimer:
    due: float
    callback: Callable[[], object]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True
