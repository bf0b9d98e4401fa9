"""The frames of a connection, on the transport that aiohttp has upgraded.

The protocol is that of the websockets library, of the part of it that does no I/O. aiohttp's own reader does not do:
it hides frames, whose size API Gateway limits, takes unmasked ones, and sees invalid UTF-8 only at a message's end.

Rules: RFC 6455; API Gateway Developer Guide, "Quotas for configuring and running a WebSocket API in API Gateway" and
"Working with binary media types for WebSocket APIs".
"""

from __future__ import annotations

import asyncio
import codecs
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol as Frames
from websockets.protocol import Side, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web


# What a client sent is taken in by pieces: frames may have no content, and ten thousand of them fit into one read.
_PIECE = 1024
# A final text frame, and from which lengths on two and eight bytes follow that say how long it is.
_FINAL_TEXT, _TWO_BYTES, _EIGHT_BYTES = 0x81, 126, 1 << 16
# For how long in one go, and how many times as long the client then waits while all others are served.
_TURN_SECONDS, _PAUSE = 0.001, 4


class GoneError(Exception):
    """The connection is closed, or closing."""


class StalledError(Exception):
    """The client does not read what it is sent."""


class Limits(Protocol):
    """Sizes in bytes, and times in seconds."""

    @property
    def websocket_frame(self) -> int:
        """The largest frame that is taken from a client."""

    @property
    def websocket_message(self) -> int:
        """The largest message that is taken from a client."""

    @property
    def websocket_send_seconds(self) -> float:
        """How long a message to the client may wait."""

    @property
    def websocket_closing_seconds(self) -> float:
        """How long the client has for its part of the closing handshake."""


@dataclass(frozen=True, slots=True)
class Closure:
    """How a connection ended, as `$disconnect` tells it."""

    code: int
    reason: str


class Wire:
    """Hands over text messages one by one, and writes them.

    What a client does not read is held in one message at most; meanwhile nothing is read of it either.

    Args:
        request: The client's, answered with 101.
        transport: The request's.
        limits: Sizes and times.
        received: Takes every message, in order.
        ended: Told once, as soon as no message can be sent or received any more.
        drained: Called when the kernel has all that was written, after some had to wait.

    Attributes:
        gone: Set once the connection has ended.
        sent_bytes: The bytes of the messages that `write` has sent.
    """

    def __init__(
        self,
        request: web.BaseRequest,
        transport: asyncio.Transport,
        *,
        limits: Limits,
        received: Callable[[str], None],
        ended: Callable[[Closure], None],
        drained: Callable[[], None] = lambda: None,
    ) -> None:
        self._request = request
        self._drained = drained
        self._transport = transport
        # Nothing may wait in the process and count as written.
        transport.set_write_buffer_limits(high=0)
        self._limits = limits
        self._received = received
        self._ended = ended
        self._frames = Frames(Side.SERVER, max_size=(limits.websocket_message, limits.websocket_frame))
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._parts: list[str] = []
        self._turn = asyncio.Lock()
        self._written = asyncio.Event()
        self._written.set()
        self._emptying: asyncio.Task[None] | None = None
        self._over = False
        self._held = False
        self._unread = bytearray()
        self._ended_reading = False
        self._reads = True
        self._received_at = 0.0
        self._next_turn: asyncio.TimerHandle | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self.gone = asyncio.Event()
        self.sent_bytes = 0

    def start(self) -> None:
        """Reads from now on, beginning with what has come in already."""
        protocol = self._request.protocol
        protocol.keep_alive(False)
        # It asks for feed_data and feed_eof, whatever its type says.
        protocol.set_parser(self)  # type: ignore[arg-type]

    async def send(self, text: bytes) -> None:
        """Sends a message, and returns when the kernel has all of it.

        Raises:
            GoneError: The connection is not open any more.
            StalledError: The client reads too slowly. The message may still reach it, if it had its turn.
        """
        try:
            async with asyncio.timeout(self._limits.websocket_send_seconds), self._turn:
                await self._written.wait()
                self._require_open()
                self._frames.send_text(text)
                self._flush()
                await self._written.wait()
        except TimeoutError:
            raise StalledError from None
        self._require_open()

    def write(self, *pieces: bytes) -> None:
        """Sends a message that consists of pieces, without waiting for the kernel to have it.

        Raises:
            GoneError: The connection is not open any more.
        """
        if self._over or self._frames.state is not State.OPEN or self._transport.is_closing():
            raise GoneError
        length = sum(map(len, pieces))
        self._transport.writelines((_text_frame(length), *pieces))
        self.sent_bytes += length
        self._watch_writing()

    @property
    def waiting_bytes(self) -> int:
        """The bytes that were written and that the kernel does not have yet."""
        return self._transport.get_write_buffer_size()

    def is_silent_since(self, moment: float) -> bool:
        """Whether nothing has come in since a moment of the loop's clock, although it would have been read."""
        return self._reads and self._received_at < moment

    def ping(self) -> None:
        """Sends a ping, which an orderly client answers at once."""
        if self._frames.state is State.OPEN:
            self._frames.send_ping(b"")
            self._flush()

    def close(self, code: int, reason: str) -> None:
        """Begins the closing handshake. Nothing happens if it has begun."""
        if self._frames.state is State.OPEN:
            self._frames.send_close(code, reason)
            self._flush()
            self._settle()

    def abort(self) -> None:
        """Ends the connection with no handshake."""
        self._unread.clear()
        self._transport.abort()

    def hold(self, held: bool) -> None:  # noqa: FBT001 - it is what is set
        """Reads no more, or reads on."""
        self._held = held
        self._regulate()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Takes what came in; aiohttp calls it."""
        self._unread += data
        self._received_at = asyncio.get_running_loop().time()
        if self._next_turn is None:
            self._take_in()
        return False, b""

    def feed_eof(self) -> None:
        """Takes the end of the connection, orderly or not; aiohttp calls it."""
        self._ended_reading = True
        if self._next_turn is None:
            self._take_in()

    def _take_in(self) -> None:
        """Takes in what is unread, for a moment; with what is left it goes on when others had their turn."""
        self._next_turn = None
        loop = asyncio.get_running_loop()
        began = loop.time()
        while self._unread and not self.gone.is_set():
            piece = bytes(self._unread[:_PIECE])
            del self._unread[:_PIECE]
            self._take_piece(piece)
            taken = loop.time() - began
            if self._unread and taken > _TURN_SECONDS:
                self._next_turn = loop.call_later(_PAUSE * taken, self._take_in)
                break
        if self._next_turn is None and self._ended_reading:
            self._end_reading()
        self._regulate()

    def _take_piece(self, piece: bytes) -> None:
        self._frames.receive_data(piece)
        for frame in self._frames.events_received():
            if isinstance(frame, Frame) and not self._over:
                self._take(frame)
        self._flush()
        self._settle()

    def _end_reading(self) -> None:
        if self.gone.is_set():
            return
        self._frames.receive_eof()
        self.gone.set()
        self._settle()
        if self._alarm is not None:
            self._alarm.cancel()

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY:
            self._fail(CloseCode.UNSUPPORTED_DATA, "Binary messages are not supported")
        elif frame.opcode in {Opcode.TEXT, Opcode.CONT}:
            try:
                part = self._decoder.decode(frame.data, frame.fin)
                _require_hope(self._decoder.getstate()[0])
            except UnicodeDecodeError:
                self._fail(CloseCode.INVALID_DATA, "The text is not valid UTF-8")
                return
            if part:
                self._parts.append(part)
            if frame.fin:
                text = "".join(self._parts)
                self._parts.clear()
                self._received(text)

    def _fail(self, code: CloseCode, reason: str) -> None:
        if self._frames.state is State.OPEN:
            self._frames.fail(code, reason)
        self._flush()
        self._settle()

    def _flush(self) -> None:
        for data in self._frames.data_to_send():
            if self._transport.is_closing():
                continue
            if data:
                self._transport.write(data)
            else:
                self._transport.write_eof()
        self._watch_writing()

    def _watch_writing(self) -> None:
        if self._request.protocol.writing_paused and self._emptying is None and not self._over:
            self._written.clear()
            self._emptying = asyncio.create_task(self._empty())
            self._regulate()

    async def _empty(self) -> None:
        with suppress(ConnectionError):
            await self._request.writer.drain()
        self._emptying = None
        self._written.set()
        self._regulate()
        self._drained()

    def _regulate(self) -> None:
        # To the end it is read: that is how the client's part of the closing handshake is seen.
        self._reads = self._next_turn is None and (self._over or (self._written.is_set() and not self._held))
        if self._reads:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _settle(self) -> None:
        """Tells the end, once, and gives the client a while for its part of it."""
        if self._over or self._frames.state is State.OPEN:
            return
        self._over = True
        self._written.set()
        self._regulate()
        loop = asyncio.get_running_loop()
        self._alarm = loop.call_later(self._limits.websocket_closing_seconds, self._transport.abort)
        self._ended(self._closure())

    def _closure(self) -> Closure:
        # An echo is what was received; anything else that was sent came first.
        told = self._frames.close_sent or self._frames.close_rcvd
        if told is None:
            return Closure(CloseCode.ABNORMAL_CLOSURE, "Connection closed without a close frame")
        if told.code == CloseCode.NO_STATUS_RCVD:
            return Closure(told.code, "Client-side close frame status not set")
        return Closure(told.code, told.reason)

    def _require_open(self) -> None:
        if self._over or self._transport.is_closing():
            raise GoneError


def _text_frame(length: int) -> bytes:
    """The header of a text message in one frame that is not masked (RFC 6455, 5.2)."""
    if length < _TWO_BYTES:
        return bytes((_FINAL_TEXT, length))
    if length < _EIGHT_BYTES:
        return bytes((_FINAL_TEXT, _TWO_BYTES)) + length.to_bytes(2, "big")
    return bytes((_FINAL_TEXT, _TWO_BYTES + 1)) + length.to_bytes(8, "big")


def _require_hope(unfinished: bytes) -> None:
    """Finds what no further byte makes valid, where Python's decoder waits for one more.

    Raises:
        UnicodeDecodeError: It is the beginning of a surrogate.
    """
    if unfinished[:1] == b"\xed" and unfinished[1:2] >= b"\xa0":
        raise UnicodeDecodeError("utf-8", unfinished, 0, len(unfinished), "surrogates are not allowed")
