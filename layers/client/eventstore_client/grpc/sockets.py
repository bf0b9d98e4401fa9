"""What stands for a WebSocket over gRPC: one call of `Subscribe` or `Work`, on a connection of its own."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from math import inf
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Self

from eventstore_client.blocking import SIGNALS_SEEN_WITHIN
from eventstore_client.errors import Invalid
from eventstore_client.grpc.channels import metadata_of, open_channel
from eventstore_client.grpc.conversations import PONG, subscribe_request, subscribe_text, work_request, work_text
from eventstore_client.grpc.inbox import Inbox
from eventstore_client.grpc.messages import event_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from eventstore_client.blocking import Io
    from eventstore_client.credentials import Credentials
    from eventstore_client.grpc.channels import Metadata

__all__ = ["AsyncGrpcSocket", "GrpcSocket"]

_SERVICE = "/flunq.eventstore.v1.EventStoreService"


class _LastingCall:
    """The call of a subscription. The first message begins it.

    Args:
        url: The hub's address.
        credentials: The credentials of the call, for its errors.
        metadata: The metadata of the call.
        notify: Called when there is something to receive, from any thread.
    """

    def __init__(
        self, url: str, credentials: Credentials | None, metadata: Metadata, notify: Callable[[], object]
    ) -> None:
        self._metadata = metadata
        self._channel = open_channel(url)
        self._requests: SimpleQueue[event_store.WorkRequest | None] = SimpleQueue()
        self._call: Any = None
        self.inbox = Inbox(url, credentials, notify)

    def send(self, frames: Sequence[str]) -> None:
        """Send a message in frames. It does not block."""
        self.inbox.check()
        message: Mapping[str, Any] = json.loads("".join(frames))
        if message["action"] == "ping":
            self.inbox.put(PONG)
            return
        try:
            self._send(message)
        except (TypeError, ValueError) as error:
            problem = {"code": "invalid-request", "detail": f"invalid request: {error}"}
            raise Invalid(status=None, **problem, problem=problem) from error

    def close(self) -> None:
        """End the call and close its connection."""
        self.inbox.close()
        self._requests.put(None)
        if self._call is not None:
            self._call.cancel()
        self._channel.close()

    def _send(self, message: Mapping[str, Any]) -> None:
        if message["action"] == "subscribe" and "subscription" not in message:
            subscribe = self._channel.unary_stream(
                f"{_SERVICE}/Subscribe",
                request_serializer=event_store.SubscribeRequest.SerializeToString,
                response_deserializer=event_store.SubscribeResponse.FromString,
            )
            self._call = subscribe(subscribe_request(message), metadata=self._metadata)
            self.inbox.read(self._call, subscribe_text)
            return
        self._requests.put(work_request(message))
        if self._call is None:
            work = self._channel.stream_stream(
                f"{_SERVICE}/Work",
                request_serializer=event_store.WorkRequest.SerializeToString,
                response_deserializer=event_store.WorkResponse.FromString,
            )
            self._call = work(self._queued(), metadata=self._metadata)
            self.inbox.read(self._call, work_text)

    def _queued(self) -> Iterator[event_store.WorkRequest]:
        while (request := self._requests.get()) is not None:
            yield request


class GrpcSocket:
    """A `Socket` that blocks. One thread receives; any thread may send and close."""

    def __init__(self, call: _LastingCall) -> None:
        self._call = call

    @classmethod
    def open(cls, url: str, credentials: Credentials | None) -> Self:
        """Return a socket. It connects with its first message.

        Args:
            url: The hub's address.
            credentials: The credentials of the call, which are renewed.

        Raises:
            NoCredentials, ConnectFailed: As `metadata_of`.
        """
        metadata = metadata_of(credentials, url, anew=True)
        return cls(_LastingCall(url, credentials, metadata, lambda: None))

    async def send(self, frames: Sequence[str]) -> None:
        """See `Socket`."""
        self._call.send(frames)

    async def receive(self, seconds: float) -> str:
        """See `Socket`. It ends early, so that the main thread sees its signals."""
        return self._call.inbox.wait(min(seconds, SIGNALS_SEEN_WITHIN))

    async def close(self) -> None:
        """See `Socket`."""
        self._call.close()


class AsyncGrpcSocket:
    """A `Socket` of an event loop. One task receives; any task of the loop may send and close."""

    def __init__(self, url: str, credentials: Credentials | None, metadata: Metadata) -> None:
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._call = _LastingCall(url, credentials, metadata, self._notify)

    @classmethod
    async def open(cls, url: str, credentials: Credentials | None, *, io: Io) -> Self:
        """Return a socket; see `GrpcSocket.open`.

        Args:
            url: The hub's address.
            credentials: The credentials of the call.
            io: Runs the source of the credentials, which may block.
        """
        metadata = await io.run(lambda: metadata_of(credentials, url, anew=True)) if credentials else ()
        return cls(url, credentials, metadata)

    async def send(self, frames: Sequence[str]) -> None:
        """See `Socket`."""
        self._call.send(frames)

    async def receive(self, seconds: float) -> str:
        """See `Socket`."""
        async with asyncio.timeout(None if seconds == inf else seconds):
            while (text := self._call.inbox.take()) is None:
                # Set by the loop only, after what it announces: nothing that comes now is missed.
                self._arrived.clear()
                await self._arrived.wait()
        return text

    async def close(self) -> None:
        """See `Socket`."""
        self._call.close()

    def _notify(self) -> None:
        # The loop may have ended, and then nothing waits.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._arrived.set)
