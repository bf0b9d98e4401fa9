"""Lines to the hub: what recording clients send and receive, as messages of docs/protocol.md, by any transport."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.transcripts.fragments import fragments

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

    from tests.transcripts.transcript import Json

__all__ = ["Dial", "Ended", "Line", "SocketLine", "Unreachable", "socket_dial"]

_SUBPROTOCOL = "eventstore.v1"
_LARGEST_MESSAGE = 1 << 20


class Ended(Exception):
    """The line has ended."""


class Unreachable(Exception):
    """No line was opened."""


class Line(Protocol):
    """A line with one subscription, or one membership."""

    async def send(self, message: Json) -> None:
        """Send a message of a client.

        Raises:
            Ended: The line has ended.
        """

    async def receive(self) -> Json:
        """The next message of the hub.

        Raises:
            Ended: The line has ended.
        """

    def abort(self) -> None:
        """End the line without a farewell."""

    async def close(self) -> None:
        """End the line in order."""


Dial: TypeAlias = Callable[[], Awaitable[Line]]
"""Opens a line; raises `Unreachable`."""


class SocketLine:
    """A connection of the subprotocol `eventstore.v1`."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, message: Json) -> None:
        try:
            await self._connection.send(fragments(json.dumps(message, separators=(",", ":"))))
        except ConnectionClosed as error:
            raise Ended from error

    async def receive(self) -> Json:
        try:
            message: dict[str, Any] = json.loads(await self._connection.recv())
        except ConnectionClosed as error:
            raise Ended from error
        return message

    def abort(self) -> None:
        self._connection.transport.abort()

    async def close(self) -> None:
        await self._connection.close()


def socket_dial(url: Callable[[], str]) -> Dial:
    """Dials by WebSocket.

    Args:
        url: Returns where to connect, each time.
    """

    async def dial() -> Line:
        try:
            connection = await connect(
                url(),
                subprotocols=[_SUBPROTOCOL],  # type: ignore[list-item]  # a NewType of str
                compression=None,
                ping_interval=None,  # a lagging client must not be closed by its own pings
                max_size=_LARGEST_MESSAGE,
                proxy=None,
            )
        except (OSError, WebSocketException) as error:
            raise Unreachable from error
        return SocketLine(connection)

    return dial
