"""Calls of REST over gRPC: the operations of the client are described once, and carried by either."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import grpc

from eventstore_client.calls import Call
from eventstore_client.credentials import Cached
from eventstore_client.errors import NotFound
from eventstore_client.grpc.channels import metadata_of, open_channel
from eventstore_client.grpc.routes import rpc_of
from eventstore_client.grpc.statuses import error_of
from eventstore_client.processes import Process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_client.calls import Reply
    from eventstore_client.credentials import Credentials
    from eventstore_client.grpc.channels import Metadata
    from eventstore_client.grpc.rpcs import Rpc

__all__ = ["GrpcTransport"]

_TIMEOUT = 35.0
"""Seconds that a call may take, as a request over HTTP."""

_NOTHING_PARKED = "nothing-parked"

_of_parents: list[_Opened] = []


class _Opened:
    """A channel, and how many calls use it. The lock of the transport guards it."""

    def __init__(self, url: str) -> None:
        self.process = Process()
        self.channel = open_channel(url)
        self.calls = 0
        self.is_closed = False

    def close_if_idle(self) -> None:
        """Close the channel if it is to be closed and no call uses it: that would cancel the call."""
        if self.is_closed and not self.calls and self.process.is_this:
            self.channel.close()


@dataclass(slots=True)
class GrpcTransport:
    """A connection to one hub, for calls that are no subscriptions. Threads share it, and processes do not.

    Attributes:
        url: The hub's address, `grpc://` or `grpcs://`.
        credentials: The credentials of each call; None if there are none.
    """

    url: str
    credentials: Credentials | None = None
    _opened: _Opened | None = field(default=None, init=False, repr=False)
    _lock: Cached[threading.Lock] = field(default_factory=Cached, init=False, repr=False)

    def carry(self, call: Call[Any]) -> Reply:
        """See `Carrier`. A call that is refused is sent once more if the credentials can be renewed."""
        rpc = rpc_of(call, self.url)
        metadata = metadata_of(self.credentials, self.url)
        try:
            try:
                return self._perform(rpc, metadata)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                    raise
                renewed = metadata_of(self.credentials, self.url, anew=True)
                if renewed == metadata:
                    raise
                return self._perform(rpc, renewed)
        except grpc.RpcError as error:
            raised = error_of(error, self.url, credentials=self.credentials, pointer=rpc.pointer)
            if rpc.absent is not None and isinstance(raised, NotFound) and raised.code == _NOTHING_PARKED:
                return rpc.absent
            raise raised from error

    def send(self, method: str, path: str) -> bytes:
        """See `Carrier`."""
        target = urlsplit(path)
        query = {name: values if len(values) > 1 else values[0] for name, values in parse_qs(target.query).items()}
        return self.carry(Call(method=method, path=target.path, query=query, parse=lambda reply: reply)).body

    def close(self) -> None:
        """See `Carrier`. Calls in progress complete, and a later call opens another connection."""
        with self._lock.get(threading.Lock):
            opened, self._opened = self._opened, None
            if opened is not None:
                opened.is_closed = True
                opened.close_if_idle()

    @contextmanager
    def _channel(self) -> Iterator[grpc.Channel]:
        """Enter the context in which a call uses the channel."""
        with self._lock.get(threading.Lock):
            if self._opened is not None and not self._opened.process.is_this:
                # A child that closes, or frees, the channel of its parent may wait for threads that it does not have.
                _of_parents.append(self._opened)
                self._opened = None
            if self._opened is None:
                self._opened = _Opened(self.url)
            opened = self._opened
            opened.calls += 1
        try:
            yield opened.channel
        finally:
            with self._lock.get(threading.Lock):
                opened.calls -= 1
                opened.close_if_idle()

    def _perform(self, rpc: Rpc[Any], metadata: Metadata) -> Reply:
        options: dict[str, Any] = {
            "request_serializer": type(rpc.request).SerializeToString,
            "response_deserializer": rpc.response.FromString,
        }
        method = f"/{rpc.method}"
        with self._channel() as channel:
            if not rpc.is_streaming:
                response = channel.unary_unary(method, **options)(rpc.request, timeout=_TIMEOUT, metadata=metadata)
                return rpc.reply(iter([response]))
            responses = channel.unary_stream(method, **options)(rpc.request, timeout=_TIMEOUT, metadata=metadata)
            try:
                return rpc.reply(responses)
            finally:
                # A page may end before the call does.
                responses.cancel()
