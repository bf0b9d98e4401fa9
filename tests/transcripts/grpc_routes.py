"""How publishers reach the hub over gRPC: `Publish`, and `PublishStream`, whose events stand alone."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

import grpc

from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from tests.grpc_stubs import Stub
from tests.transcripts.grpc_calls import CallWriter, ready_channel, reason_of
from tests.transcripts.grpc_values import event_of
from tests.transcripts.lines import Unreachable
from tests.transcripts.outcomes import AGAIN, FAREWELLS, NoAnswer, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventstore_proto.flunq.eventstore.v1.events_pb2 import Published
    from tests.transcripts.transcript import Json

__all__ = ["GrpcRoute", "GrpcStreamRoute"]

_PATIENCE = 30.0
_SERVICE = messages.DESCRIPTOR.services_by_name["EventStoreService"]


class GrpcRoute:
    """`Publish`, on successive channels.

    Args:
        address: Returns host and port, for each channel.
    """

    def __init__(self, address: Callable[[], str]) -> None:
        self._address = address
        self._channel: grpc.aio.Channel | None = None

    async def publish(self, events: Sequence[Json], stream: str) -> list[dict[str, Any]]:
        request = messages.PublishRequest(stream=stream, events=map(event_of, events))
        try:
            if self._channel is None:
                self._channel = await ready_channel(self._address())
            response = await Stub(self._channel, _SERVICE).Publish(request, timeout=_PATIENCE)
        except Unreachable as error:
            raise NoAnswer from error
        except grpc.aio.AioRpcError as error:
            await self.close()
            raise _failure(reason_of(error), str(error)) from error
        return [_result(result) for result in response.results]

    async def close(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()


class GrpcStreamRoute:
    """`PublishStream`, on successive calls. It serves several publishes at a time, and each has one event.

    Args:
        address: Returns host and port, for each call.
    """

    def __init__(self, address: Callable[[], str]) -> None:
        self._address = address
        self._call: _PublishCall | None = None
        self._opening = asyncio.Lock()

    async def publish(self, events: Sequence[Json], stream: str) -> list[dict[str, Any]]:
        [event] = events
        async with self._opening:
            if self._call is None or self._call.is_over:
                await self.close()
                try:
                    channel = await ready_channel(self._address())
                except Unreachable as error:
                    raise NoAnswer from error
                self._call = _PublishCall(channel)
            call = self._call
        return [await call.publish(event, stream)]

    async def close(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            await call.close()


class _PublishCall:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._waiting: deque[asyncio.Future[dict[str, Any]]] = deque()
        self._call: Any = Stub(channel, _SERVICE).PublishStream()
        self._writer = CallWriter(self._call)
        self._reading = asyncio.create_task(self._read())

    @property
    def is_over(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._reading.done()

    async def publish(self, event: Json, stream: str) -> dict[str, Any]:
        """The result of an event."""
        if self.is_over:
            raise NoAnswer
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        self._writer.send(messages.PublishStreamRequest(stream=stream, events=[event_of(event)]))
        try:
            async with asyncio.timeout(_PATIENCE):
                return await answer
        except TimeoutError as error:
            self._call.cancel()
            raise NoAnswer from error

    async def close(self) -> None:
        """End the call."""
        await self._writer.close()
        await asyncio.gather(self._reading, return_exceptions=True)
        await self._channel.close()

    async def _read(self) -> None:
        try:
            while (response := await self._call.read()) is not grpc.aio.EOF:
                for acknowledgement in response.acknowledgements:
                    self._acknowledge(acknowledgement)
        except grpc.aio.AioRpcError:
            pass
        finally:
            while self._waiting:
                _settle(self._waiting.popleft(), NoAnswer("the call has ended"))

    def _acknowledge(self, acknowledgement: messages.Acknowledgement) -> None:
        waiting = self._waiting.popleft()
        if acknowledgement.WhichOneof("outcome") == "published":
            if not waiting.done():
                waiting.set_result(_result(acknowledgement.published))
        else:
            failure = acknowledgement.failure
            _settle(waiting, _failure(failure.reason, failure.message))


def _settle(waiting: asyncio.Future[dict[str, Any]], error: Exception) -> None:
    if not waiting.done():
        waiting.set_exception(error)


def _result(published: Published) -> dict[str, Any]:
    return {
        "stream": published.stream,
        "sequence": published.sequence,
        "id": published.id,
        "duplicate": published.duplicate,
    }


def _failure(reason: str, detail: str) -> Exception:
    return NoAnswer(detail) if not reason or reason in AGAIN | FAREWELLS else Refused(detail, reason)
