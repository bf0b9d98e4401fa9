"""A client that is connected by WebSocket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from websockets.frames import CloseCode

from eventstore.frames.frame import CLOSING, Kind, bare_messages, head_of, rest_of
from eventstore.frames.hub_messages import hub_event
from eventstore.subscriptions import BARE
from eventstore_hosting.wire import GoneError, Wire
from eventstore_server.sessions import SLOW_CONSUMER

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.frames.frame import Address, Part
    from eventstore.subscriptions import Connection
    from eventstore_server.metrics.catalogue import FrameCounts

__all__ = ["SharedText", "WebSocketSession"]

_CONGESTED = 8
"""A client is congested when more than this part of its buffer waits, and until nothing does."""

_REASON_BYTES = 120
"""The maximum length of a reason in a close frame is 123 bytes (RFC 6455, 5.5.1)."""


class SharedText:
    """The text that all clients of a part have in common, encoded once. The parts of a turn follow each other."""

    def __init__(self) -> None:
        self._part: Part | None = None
        self._kind = b""
        self._rest = b""

    def pieces(self, part: Part, to: Address) -> tuple[bytes, bytes]:
        """Return the message of a part for one of its addresses, in two pieces: its own, and that of all.

        Args:
            part: A part of any kind but `BARE` and `TEXT`.
            to: The address.
        """
        if part is not self._part:
            kind, rest = rest_of(part.kind, part.cursors, part.texts)
            self._part, self._kind, self._rest = part, f'{{"type":"{kind}",'.encode(), rest.encode()
        return self._kind + head_of(to.subscription, part.partition, to.frame).encode(), self._rest


class WebSocketSession:
    """See `Session`.

    What is delivered while the session is held waits, so that a client gets the response to `subscribe` before the
    first frame.

    Args:
        connection: The connection.
        shared: Encodes what the client has in common with others.
        buffer_bytes: How much may wait for the client to read it.
        drained: Called when a congested client has read what it was sent.
        counts: Counts the frames, by kind.

    Attributes:
        closed_by: The code of the reason for which this side closes the connection; empty if it does not.
    """

    door = "websocket"

    def __init__(
        self,
        connection: Connection,
        *,
        shared: SharedText,
        buffer_bytes: int,
        drained: Callable[[WebSocketSession], None],
        counts: FrameCounts,
    ) -> None:
        self.connection = connection
        self.is_congested = False
        self._wire: Wire | None = None
        self._shared = shared
        self._buffer_bytes = buffer_bytes
        self._drained = drained
        self._counts = counts
        self._held: list[tuple[Part, Address]] | None = []
        self._held_bytes = 0
        # The code and the reason of the close frame of a session that was closed before it was opened.
        self._closing: tuple[int, str] | None = None
        self.closed_by = ""

    @property
    def waiting_bytes(self) -> int:
        """The bytes that wait for the client."""
        return self._held_bytes + (0 if self._wire is None else self._wire.waiting_bytes)

    @property
    def sent_bytes(self) -> int:
        """See `Session.sent_bytes`."""
        return 0 if self._wire is None else self._wire.sent_bytes

    def open(self, wire: Wire) -> None:
        """Deliver from now on, or close the connection if the session was closed before."""
        self._wire = wire
        if self._closing is not None:
            wire.close(*self._closing)

    def hold(self) -> None:
        """Keep what is delivered, until `release` is called."""
        if self._held is None:
            self._held = []

    def release(self) -> None:
        """Send what was kept."""
        held, self._held, self._held_bytes = self._held or [], None, 0
        for part, to in held:
            self.deliver(part, to)

    def deliver(self, part: Part, to: Address) -> None:
        """See `Session.deliver`."""
        if self.closed_by:
            return
        if self._held is not None:
            self._held.append((part, to))
            self._held_bytes += sum(map(len, part.texts))
            if self._held_bytes > self._buffer_bytes:
                self._end_slow()
            return
        if part.kind == Kind.BARE:
            self._counts[Kind.BARE].value += len(part.texts)
            for text in bare_messages(part.partition, part.cursors, part.texts, to.frame):
                self.send(text.encode())
        elif part.kind == Kind.TEXT:
            self._counts[Kind.TEXT].value += 1
            self.send(part.texts[0].encode())
            if part.cursors == CLOSING:
                self.closed_by = "operator"
                self._close(CloseCode.NORMAL_CLOSURE, "Closed by an operator")
        else:
            self._counts[part.kind].value += 1
            self.send(*self._shared.pieces(part, to))

    def send(self, *pieces: bytes) -> None:
        """Send a message. A client that is gone gets nothing; one that does not read is disconnected."""
        if self._wire is None:
            return
        try:
            self._wire.write(*pieces)
        except GoneError:
            return
        waiting = self._wire.waiting_bytes
        if waiting > self._buffer_bytes:
            self._end_slow()
        elif waiting > self._buffer_bytes // _CONGESTED:
            self.is_congested = True

    def drain(self) -> None:
        """Record that the client has read what it was sent."""
        if self.is_congested:
            self.is_congested = False
            self._drained(self)

    def close(self, code: str, detail: str) -> None:
        """See `Session.close`. The client is sent the reason as a message, and it is that of the close frame."""
        self.closed_by = self.closed_by or code
        problem = {"code": code, "detail": detail}
        if self.connection.protocol == BARE:
            text = hub_event("closed", json.dumps(problem, separators=(",", ":")), self.connection.id)
        else:
            text = json.dumps({"type": "error", **problem}, separators=(",", ":"))
        self.send(text.encode())
        self._close(CloseCode.GOING_AWAY, f"{code}: {detail}"[:_REASON_BYTES])

    def _end_slow(self) -> None:
        """Disconnect a client that does not read. It resumes from its cursors."""
        if self.closed_by:
            return
        self.closed_by = SLOW_CONSUMER
        self._held, self._held_bytes = [], 0
        # A reason behind all that it did not read would never arrive in time: the close frame has its turn, then the
        # connection ends.
        self._close(CloseCode.TRY_AGAIN_LATER, f"{SLOW_CONSUMER}: read faster, and resume from your cursors")

    def _close(self, code: int, reason: str) -> None:
        if self._wire is not None:
            self._wire.close(code, reason)
        elif self._closing is None:
            self._closing = code, reason
