"""Ports of this machine that a test chooses before a program listens on them."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from eventstore_hosting.kept_server import LOCAL

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["ReservedPort"]


class ReservedPort:
    """A port of 127.0.0.1 that no other program can take, whether a server listens on it or connections are refused."""

    def __init__(self) -> None:
        # Two sockets of this program have the port while a server listens: this one never does.
        self._keeper = socket.socket()
        self._keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._keeper.bind((LOCAL, 0))
        self.number: int = self._keeper.getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._keeper.close()

    @property
    def url(self) -> str:
        """Where a server on the port is called."""
        return f"http://{LOCAL}:{self.number}"
