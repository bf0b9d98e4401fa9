"""What stands for a WebSocket over gRPC: one call of `Subscribe` or `Work`, on a connection of its own."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from math import inf
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Self, TypeVar

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

RequestT = TypeVar("RequestT")

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
        """Send a message in frames. It does not block.

        What is sent into a call that has ended is dropped, and `receive` raises its error: what the hub has sent before
        the end is received first.

        Raises:
            ConnectFailed: The connection was closed before the first message.
            Invalid: The message is one that no request can carry.
        """
        if self._call is None:
            self.inbox.check()
        elif self.inbox.has_ended:
            return
        message: Mapping[str, Any] = json.loads("".join(frames))
        if message["action"] == "ping":
            self.inbox.put(PONG)
            return
        if message["action"] == "subscribe" and "subscription" not in message:
            self._subscribe(_request(subscribe_request, message))
        else:
            self._work(_request(work_request, message))

    def close(self) -> None:
        """End the call and close its connection."""
        self.inbox.close()
        self._requests.put(None)
        if self._call is not None:
            self._call.cancel()
        self._channel.close()

    def _subscribe(self, request: event_store.SubscribeRequest) -> None:
        call = self._channel.unary_stream(
            f"{_SERVICE}/Subscribe",
            request_serializer=event_store.SubscribeRequest.SerializeToString,
            response_deserializer=event_store.SubscribeResponse.FromString,
        )
        self._begin(lambda: call(request, metadata=self._metadata), subscribe_text)

    def _work(self, request: event_store.WorkRequest) -> None:
        self._requests.put(request)
        if self._call is None:
            call = self._channel.stream_stream(
                f"{_SERVICE}/Work",
                request_serializer=event_store.WorkRequest.SerializeToString,
                response_deserializer=event_store.WorkResponse.FromString,
            )
            self._begin(lambda: call(self._queued(), metadata=self._metadata), work_text)

    def _begin(self, call: Callable[[], Any], text_of: Callable[[Any], str]) -> None:
        try:
            self._call = call()
        except ValueError as error:
            # Of a channel that was closed meanwhile, or of metadata that no header can carry.
            self.inbox.check()
            raise _invalid(error) from error
        self.inbox.read(self._call, text_of)

    def _queued(self) -> Iterator[event_store.WorkRequest]:
        while (request := self._requests.get()) is not None:
            yield request


def _request(request_of: Callable[[Mapping[str, Any]], RequestT], message: Mapping[str, Any]) -> RequestT:
    try:
        return request_of(message)
    except (TypeError, ValueError) as error:
        raise _invalid(error) from error


def _invalid(error: Exception) -> Invalid:
    problem = {"code": "invalid-request", "detail": f"invalid request: {error}"}
    return Invalid(status=None, **problem, problem=problem)


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
