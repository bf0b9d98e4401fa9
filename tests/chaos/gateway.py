"""Clients' connections, and the gateway that holds them."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from eventstore.ports.connections import Gone, Unreachable

__all__ = ["Gateway", "Socket"]


@dataclass
class Socket:
    """A client's end of a connection.

    Attributes:
        open: Whether the gateway holds it.
        reachable: Whether what is posted is accepted.
        bare: Whether its messages are bare CloudEvents.
        inbox: What was posted and not read yet.
    """

    id: str
    bare: bool
    open: bool = True
    reachable: bool = True
    inbox: deque[dict[str, Any]] = field(default_factory=deque)


class Gateway:
    """`ports.Connections`."""

    def __init__(self) -> None:
        self.sockets: dict[str, Socket] = {}
        self.ended: list[str] = []
        """Disconnects that were not reported to the functions yet."""
        self._numbers = count(1)

    def open(self, *, bare: bool) -> Socket:
        socket = Socket(f"c{next(self._numbers)}=", bare)
        self.sockets[socket.id] = socket
        return socket

    def end(self, connection: str) -> None:
        """A connection ends."""
        socket = self.sockets.pop(connection, None)
        if socket is not None:
            socket.open = False
            self.ended.append(connection)

    def post(self, connection: str, message: bytes) -> None:
        socket = self.sockets.get(connection)
        if socket is None:
            raise Gone(connection)
        if not socket.reachable:
            raise Unreachable(connection)
        socket.inbox.append(json.loads(message))

    def close(self, connection: str) -> None:
        self.end(connection)
