"""Lines over gRPC, written from docs/grpc.md and proto/ only: a call of `Subscribe`, and one of `Work`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from eventstore_proto.flunq.eventstore.v1.events_pb2 import EVENT_FORMAT_JSON, EVENT_FORMAT_PROTOBUF
from tests.grpc_stubs import Stub
from tests.transcripts.grpc_calls import CallReader, CallWriter, ready_channel
from tests.transcripts.grpc_values import filter_of, frame_of, recovery_of
from tests.transcripts.lines import Ended

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import grpc.aio

    from tests.transcripts.lines import Dial, Line
    from tests.transcripts.transcript import Json

__all__ = ["SubscribeLine", "WorkLine", "subscribe_dial", "work_dial"]

_SERVICE = messages.DESCRIPTOR.services_by_name["EventStoreService"]


class SubscribeLine:
    """A call of `Subscribe`, which `subscribe` begins.

    Args:
        form: The format of events.
    """

    def __init__(self, channel: grpc.aio.Channel, form: int) -> None:
        self._channel = channel
        self._form = form
        self._own_id = ""
        self._reader: CallReader | None = None
        self._call: Any = None

    async def send(self, message: Json) -> None:
        self._own_id = message["id"]
        self._call = Stub(self._channel, _SERVICE).Subscribe(_request(message, self._form))
        self._reader = CallReader(self._call, self._message)

    async def receive(self) -> Json:
        if self._reader is None:
            raise Ended
        return await self._reader.receive()

    def abort(self) -> None:
        if self._call is not None:
            self._call.cancel()

    async def close(self) -> None:
        await self._channel.close()

    def _message(self, response: messages.SubscribeResponse) -> dict[str, Any]:
        if response.WhichOneof("content") != "subscribed":
            return frame_of(response, self._own_id)
        return {
            "type": "subscribed",
            "id": self._own_id,
            "cursor": response.cursor,
            **recovery_of(response.subscribed),
        }


class WorkLine:
    """A call of `Work`: `subscribe` joins, and `unsubscribe` leaves.

    Args:
        form: The format of events.
    """

    def __init__(self, channel: grpc.aio.Channel, form: int) -> None:
        self._channel = channel
        self._form = form
        self._asked: dict[int, Json] = {}
        self._call = Stub(channel, _SERVICE).Work()
        self._writer = CallWriter(self._call)
        self._reader = CallReader(self._call, self._message)

    async def send(self, message: Json) -> None:
        if self._call.done():
            raise Ended
        number = int(message["request"].removeprefix("r"))
        # A call joins once: its first message cannot be lost.
        if message["action"] == "subscribe" and number in self._asked:
            return
        self._asked[number] = message
        self._writer.send(_work_request(message, number, self._form))

    async def receive(self) -> Json:
        return await self._reader.receive()

    def abort(self) -> None:
        self._call.cancel()

    async def close(self) -> None:
        await self._writer.close()
        await self._channel.close()

    def _message(self, response: messages.WorkResponse) -> dict[str, Any]:
        match response.WhichOneof("content"):
            case "joined":
                asked = self._asked[response.joined.request]
                return {
                    "type": "subscribed",
                    "id": asked["id"],
                    "request": asked["request"],
                    "subscription": asked["subscription"],
                    "partitions": list(response.joined.partitions),
                    "ack_deadline": response.joined.ack_deadline,
                }
            case "answer":
                return self._answer(response.answer)
            case "changed":
                changed = response.changed
                return {"type": "changed", "version": changed.version, "ack_deadline": changed.ack_deadline}
            case _:
                return frame_of(response, self._asked[min(self._asked)]["id"])

    def _answer(self, answer: messages.Answer) -> dict[str, Any]:
        asked = self._asked[answer.request]
        names = {"id": asked["id"], "request": asked["request"]}
        if answer.HasField("failure"):
            return {"type": "error", "code": answer.failure.reason, "detail": answer.failure.message, **names}
        return {"type": _ANSWERS[asked["action"]], **names}


_ANSWERS: Mapping[str, str] = {
    "ack": "acknowledged",
    "nack": "acknowledged",
    "release": "released",
    "unsubscribe": "unsubscribed",
}


def subscribe_dial(address: Callable[[], str], *, protobuf: bool = False) -> Dial:
    """Dials calls of `Subscribe`.

    Args:
        address: Returns host and port, each time.
        protobuf: Whether events come as protobuf.
    """

    async def dial() -> Line:
        return SubscribeLine(await ready_channel(address()), _form(protobuf=protobuf))

    return dial


def work_dial(address: Callable[[], str], *, protobuf: bool = False) -> Dial:
    """Dials calls of `Work`; the arguments are those of `subscribe_dial`."""

    async def dial() -> Line:
        return WorkLine(await ready_channel(address()), _form(protobuf=protobuf))

    return dial


def _form(*, protobuf: bool) -> int:
    return EVENT_FORMAT_PROTOBUF if protobuf else EVENT_FORMAT_JSON


def _request(message: Json, form: int) -> messages.SubscribeRequest:
    request = messages.SubscribeRequest(filters=map(filter_of, message.get("filters", ())))
    request.format = form  # type: ignore[assignment]  # an enum is a number
    named, cursors = message.get("stream", []), message.get("cursor", [])
    request.streams.extend([named] if isinstance(named, str) else named)
    request.cursors.extend([cursors] if isinstance(cursors, str) else cursors)
    if not cursors:
        request.start = messages.START_OLDEST if message.get("from") == "start" else messages.START_NOW
    return request


def _work_request(message: Json, number: int, form: int) -> messages.WorkRequest:
    request = messages.WorkRequest(request=number)
    match message["action"]:
        case "subscribe":
            request.join.subscription = message["subscription"]
            request.join.format = form  # type: ignore[assignment]  # an enum is a number
        case "ack" if "cursor" in message:
            cursors = message["cursor"]
            request.ack.cursors.extend([cursors] if isinstance(cursors, str) else cursors)
        case "ack":
            request.ack.CopyFrom(messages.Ack(stream=message["stream"], sequence=message["sequence"]))
            request.ack.frame = message.get("frame", 0)
        case "nack":
            nack = messages.Nack(stream=message["stream"], sequence=message["sequence"], reason=message["reason"])
            nack.frame, nack.park = message.get("frame", 0), message.get("park", False)
            if "delay" in message:
                nack.delay_seconds = message["delay"]
            request.nack.CopyFrom(nack)
        case "release":
            request.release.CopyFrom(messages.Release(partition=message["partition"], frame=message.get("frame", 0)))
        case "unsubscribe":
            request.leave.SetInParent()
    return request
