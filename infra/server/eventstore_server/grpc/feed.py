"""The frames of one call, from the hub to the client: a buffer with a limit, and the end of the call."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import TYPE_CHECKING, Any

from eventstore.errors import SubscriptionNotFound
from eventstore.frames.frame import CLOSING, Kind
from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from eventstore_server.grpc.frames import head_of
from eventstore_server.grpc.statuses import SessionClosed
from eventstore_server.sessions import GOING_AWAY, SLOW_CONSUMER, STORE_RESET

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc.aio

    from eventstore.frames.frame import Address, Part
    from eventstore.subscriptions import Connection
    from eventstore_server.grpc.frames import FrameEncoder
    from eventstore_server.metrics.catalogue import FrameCounts

__all__ = ["Feed"]

_SERVER_REASONS = frozenset({GOING_AWAY, STORE_RESET})

_CONGESTED, _RELAXED = 2, 8
"""A client is congested when more than this part of its buffer waits, and until less than the second part does.

A turn that catches it up sends much less than a quarter, and two of them may be under way."""

_OVERHEAD = 100
"""About how many bytes an entry of the buffer takes beside its frame."""


class Feed:
    """The session of a call that subscribes. Frames wait until the first response has been written.

    Args:
        connection: The call as a connection.
        encoder: Serializes frames.
        form: The `EventFormat` that the client asked for.
        limit: The bytes of frames that may wait for the client.
        drained: Called when the client has read what it was sent, if it was congested before.
        counts: Counts the frames, by kind.

    Attributes:
        connection: As above.
        sent_bytes: The bytes of responses that were sent so far.
    """

    door = "grpc"

    def __init__(
        self,
        connection: Connection,
        encoder: FrameEncoder,
        *,
        form: int,
        limit: int,
        drained: Callable[[], None],
        counts: FrameCounts,
    ) -> None:
        self.connection = connection
        self._encoder = encoder
        self._form = form
        self._limit = limit
        self._drained = drained
        self._counts = counts
        self.sent_bytes = 0
        self._is_congested = False
        self._waiting: deque[tuple[bytes, bytes]] = deque()
        self._size = 0
        self._changed = asyncio.Event()
        self._ended = False
        self._closed: SessionClosed | None = None
        self._writer: asyncio.Task[Any] | None = None

    @property
    def closed_by(self) -> str:
        """The code of the reason for which the server closed the session; empty if it did not."""
        return "" if self._closed is None else self._closed.code

    @property
    def was_ended_by_server(self) -> bool:
        """Whether the server ended the call, for a reason that is not the client's."""
        return self.closed_by in _SERVER_REASONS

    @property
    def is_congested(self) -> bool:
        """Whether the client has yet to read much of what it was sent; see `Session`."""
        return self._is_congested

    @property
    def waiting_bytes(self) -> int:
        """The bytes that wait for the client."""
        return self._size

    def deliver(self, part: Part, to: Address) -> None:
        """Accept a part; see `eventstore_server.sessions.Session`."""
        if self._closed is not None:
            return
        self._counts[part.kind].value += 1
        if part.kind == Kind.TEXT:
            self._apply(part)
            return
        self._add(head_of(to.frame), self._encoder.shared(part, self._form))

    def send(self, response: messages.WorkResponse) -> None:
        """Send a response that is not a frame, after what waits."""
        self._add(b"", response.SerializeToString())

    def close(self, code: str, detail: str) -> None:
        """End the call after what waits; see `eventstore_server.sessions.Session`."""
        if self._closed is None:
            self._closed = SessionClosed(code, detail)
            self._changed.set()

    def finish(self) -> None:
        """End the call without an error, after what waits."""
        self._ended = True
        self._changed.set()

    async def write(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        """Write frames to the client until the call ends.

        Raises:
            SessionClosed: The server closed the session.
        """
        self._writer = asyncio.current_task()
        try:
            while True:
                while self._waiting:
                    head, shared = self._waiting.popleft()
                    self._size -= len(shared) + _OVERHEAD
                    self.sent_bytes += len(head) + len(shared)
                    if self._is_congested and self._size <= self._limit // _RELAXED:
                        self._is_congested = False
                        self._drained()
                    await context.write(head + shared)
                if self._closed is not None:
                    raise self._closed
                if self._ended:
                    return
                self._changed.clear()
                await self._changed.wait()
        except asyncio.CancelledError:
            # The client cancelled the call, unless it did not read and was cut off.
            if self._closed is not None and self._closed.code == SLOW_CONSUMER:
                raise self._closed from None
            raise
        finally:
            self._writer = None

    def _add(self, head: bytes, shared: bytes) -> None:
        self._waiting.append((head, shared))
        self._size += len(shared) + _OVERHEAD
        if self._size > self._limit // _CONGESTED:
            self._is_congested = True
        if self._size > self._limit:
            self._waiting.clear()
            detail = f"more than {self._limit} bytes waited for the client; connect again and resume from your cursors"
            self.close(SLOW_CONSUMER, detail)
            if self._writer is not None:
                # It waits for a client that does not read.
                self._writer.cancel()
        self._changed.set()

    def _apply(self, part: Part) -> None:
        """Apply a message that is not a frame: an error, or the notice that the durable subscription was changed."""
        message = json.loads(part.texts[0])
        if message["type"] == "changed":
            changed = messages.Changed(version=message["version"], ack_deadline=message["ack_deadline"])
            self.send(messages.WorkResponse(partition=part.partition, changed=changed))
        elif part.cursors == CLOSING or message.get("code") == SubscriptionNotFound.code:
            self.close(message["code"], message["detail"])
