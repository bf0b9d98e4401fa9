"""Calls of gRPC that end: why, as messages of docs/protocol.md."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from tests.transcripts.lines import Ended, Unreachable
from tests.transcripts.tasks import is_cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CallReader", "CallWriter", "ready_channel", "reason_of"]

_READY_WITHIN = 5.0
_STATUS = "grpc-status-details-bin"
_OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", 8 << 20),
    ("grpc.enable_http_proxy", 0),
]
_BY_TRANSPORT = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    }
)
"""The codes of ends without a reason: of the connection, not of the hub."""


async def ready_channel(address: str) -> grpc.aio.Channel:
    """A channel of its own, which is connected.

    Raises:
        Unreachable: It was not, in time.
    """
    channel = grpc.aio.insecure_channel(address, options=_OPTIONS)
    try:
        async with asyncio.timeout(_READY_WITHIN):
            await channel.channel_ready()
    except BaseException as error:
        await channel.close()
        if isinstance(error, TimeoutError):
            raise Unreachable(address) from error
        raise
    return channel


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The stable code of an error of the hub; empty if the transport failed."""
    for name, value in error.trailing_metadata() or ():
        if name == _STATUS:
            for packed in Status.FromString(value).details:
                info = ErrorInfo()
                if packed.Unpack(info):
                    return str(info.reason)
    return "" if error.code() in _BY_TRANSPORT else error.code().name


class CallReader:
    """Reads the responses of a call, and reports its end as a message with its reason, if the hub gave one.

    Args:
        translate: Returns a response as a message; `None` if it is none of the protocol's.
    """

    def __init__(self, call: Any, translate: Callable[[Any], dict[str, Any] | None]) -> None:  # noqa: ANN401 - several kinds of calls
        self._call = call
        self._translate = translate
        self._is_over = False

    async def receive(self) -> dict[str, Any]:
        """The next message.

        Raises:
            Ended: The call is over.
        """
        while not self._is_over:
            try:
                response = await self._call.read()
            except grpc.aio.AioRpcError as error:
                self._is_over = True
                if reason := reason_of(error):
                    return {"type": "error", "code": reason, "detail": error.details()}
                break
            except asyncio.CancelledError:
                # The client's own `abort` cancels the call, and its end has this form.
                if not self._call.cancelled() or is_cancelled():
                    raise
                break
            if response is grpc.aio.EOF:
                break
            if message := self._translate(response):
                return message
        self._is_over = True
        raise Ended


class CallWriter:
    """Writes requests to a call, one after the other, in a task of its own: whoever sends may be cancelled."""

    def __init__(self, call: Any) -> None:  # noqa: ANN401 - several kinds of calls
        self._call = call
        self._requests: asyncio.Queue[Any] = asyncio.Queue()
        self._task = asyncio.create_task(self._write())

    def send(self, request: object) -> None:
        """Send a request, behind the earlier ones."""
        self._requests.put_nowait(request)

    async def close(self) -> None:
        """End the call."""
        self._call.cancel()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _write(self) -> None:
        # The reader sees why the call is over.
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            while True:
                await self._call.write(await self._requests.get())
