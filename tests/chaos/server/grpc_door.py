"""The door of operators over gRPC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as events_pb2
from eventstore_proto.flunq.eventstore.v1 import stream_service_pb2 as streams_pb2
from eventstore_proto.flunq.eventstore.v1 import subscription_service_pb2 as subscriptions_pb2
from tests.chaos.server.doors import PAGE, PATIENCE, Described
from tests.grpc_stubs import Stub
from tests.transcripts.grpc_calls import ready_channel, reason_of
from tests.transcripts.grpc_values import event_of, filter_of, json_event
from tests.transcripts.lines import Unreachable
from tests.transcripts.outcomes import AGAIN, FAREWELLS, NoAnswer, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.transcripts.transcript import Json

__all__ = ["GrpcDoor"]

_SERVICES = {
    **events_pb2.DESCRIPTOR.services_by_name,
    **streams_pb2.DESCRIPTOR.services_by_name,
    **subscriptions_pb2.DESCRIPTOR.services_by_name,
}


class GrpcDoor:
    """Over gRPC; the next instance for each call.

    Args:
        address: Returns host and port.
    """

    name = "grpc"

    def __init__(self, address: Callable[[], str]) -> None:
        self._address = address
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def publish(self, stream: str, events: Sequence[Json], expected: int) -> list[dict[str, Any]]:
        request = events_pb2.PublishRequest(stream=stream, expected=expected, events=map(event_of, events))
        response = await self._call("EventStoreService", "Publish", request)
        return [
            {"stream": one.stream, "sequence": one.sequence, "id": one.id, "duplicate": one.duplicate}
            for one in response.results
        ]

    async def describe_stream(self, stream: str) -> Described:
        response = await self._call("StreamService", "GetStream", streams_pb2.GetStreamRequest(stream=stream))
        return Described(response.version, {"head": response.stream.head, "first": response.stream.first})

    async def create_stream(self, stream: str, max_events: int, max_age: int) -> None:
        retention = streams_pb2.Retention(max_events=max_events, max_age=max_age)
        request = streams_pb2.CreateStreamRequest(stream=stream, retention=retention)
        await self._call("StreamService", "CreateStream", request)

    async def change_stream(self, stream: str, max_events: int, max_age: int, expected: str | None) -> None:
        request = streams_pb2.ChangeStreamRequest(
            stream=stream, max_events=max_events, max_age=max_age, expected_version=expected
        )
        await self._call("StreamService", "ChangeStream", request)

    async def delete_stream(self, stream: str, expected: str | None, *, permanent: bool) -> None:
        request = streams_pb2.DeleteStreamRequest(stream=stream, permanent=permanent, expected_version=expected)
        await self._call("StreamService", "DeleteStream", request)

    async def read(self, stream: str, first: int) -> list[Json]:
        return await self._read("Read", events_pb2.ReadRequest(stream=stream, from_sequence=first))

    async def search(self, filters: Sequence[Json]) -> list[Json]:
        request = events_pb2.ReadAllRequest()
        request.selection.filters.extend(map(filter_of, filters))
        return await self._read("ReadAll", request)

    async def get(self, event: Json, stream: str) -> Json:
        key = events_pb2.EventKey(id=event["id"], source=event["source"], stream=stream)
        response = await self._call("EventStoreService", "Get", events_pb2.GetRequest(key=key))
        return json_event(response.event)

    async def create_subscription(
        self, name: str, filters: Sequence[Json], start: str, rules: Mapping[str, int]
    ) -> None:
        request = subscriptions_pb2.CreateSubscriptionRequest(
            id=name,
            filters=map(filter_of, filters),
            start=_start(start),
            ack_deadline=rules.get("ack_deadline"),
            max_attempts=rules.get("max_attempts"),
            max_in_flight=rules.get("max_in_flight"),
        )
        await self._call("SubscriptionService", "CreateSubscription", request)

    async def change_subscription(
        self, name: str, rules: Mapping[str, int], filters: Sequence[Json] | None, filter_name: str | None
    ) -> None:
        request = subscriptions_pb2.ChangeSubscriptionRequest(
            id=name,
            filter_name=filter_name,
            ack_deadline=rules.get("ack_deadline"),
            max_attempts=rules.get("max_attempts"),
            max_in_flight=rules.get("max_in_flight"),
        )
        if filters is not None:
            request.filters.filters.extend(map(filter_of, filters))
            request.filters.SetInParent()
        await self._call("SubscriptionService", "ChangeSubscription", request)

    async def describe_subscription(self, name: str) -> Described:
        request = subscriptions_pb2.GetSubscriptionRequest(id=name)
        response = await self._call("SubscriptionService", "GetSubscription", request)
        figures = response.figures
        return Described(response.version, {"lag": figures.lag, "in_flight": figures.in_flight, "held": figures.held})

    async def replay(self, name: str, start: str) -> None:
        request = subscriptions_pb2.ReplaySubscriptionRequest(id=name, start=_start(start))
        await self._call("SubscriptionService", "ReplaySubscription", request)

    async def delete_subscription(self, name: str) -> None:
        request = subscriptions_pb2.DeleteSubscriptionRequest(id=name)
        await self._call("SubscriptionService", "DeleteSubscription", request)

    async def parked(self, name: str) -> list[str]:
        request = subscriptions_pb2.ListDeadLettersRequest(subscription=name, limit=PAGE)
        response = await self._call("SubscriptionService", "ListDeadLetters", request)
        return [letter.stream for letter in response.dead_letters]

    async def redrive(self, name: str, stream: str | None, how: str) -> None:
        if how == "purge":
            purge = subscriptions_pb2.PurgeDeadLettersRequest(subscription=name, stream=stream or "")
            await self._call("SubscriptionService", "PurgeDeadLetters", purge)
            return
        mode = f"REDRIVE_MODE_{how.upper()}"
        request = subscriptions_pb2.RedriveDeadLettersRequest(subscription=name, stream=stream or "", mode=mode)
        await self._call("SubscriptionService", "RedriveDeadLetters", request)

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()
        self._channels.clear()

    async def _read(self, method: str, request: Any) -> list[Json]:  # noqa: ANN401 - any request
        address, channel = await self._channel()
        try:
            call = getattr(Stub(channel, _SERVICES["EventStoreService"]), method)(request, timeout=PATIENCE)
            return [json_event(event) async for response in call for event in response.events]
        except grpc.aio.AioRpcError as error:
            raise await self._failed(address, method, error) from error

    async def _call(self, service: str, method: str, request: Any) -> Any:  # noqa: ANN401 - any request and response
        address, channel = await self._channel()
        try:
            return await getattr(Stub(channel, _SERVICES[service]), method)(request, timeout=PATIENCE)
        except grpc.aio.AioRpcError as error:
            raise await self._failed(address, f"{method} {request}", error) from error

    async def _failed(self, address: str, about: str, error: grpc.aio.AioRpcError) -> Exception:
        reason = reason_of(error)
        if not reason or reason in AGAIN | FAREWELLS:
            if channel := self._channels.pop(address, None):
                await channel.close()
            return NoAnswer(str(error))
        return Refused(f"{about}: {error.code()} {error.details()}", reason)

    async def _channel(self) -> tuple[str, grpc.aio.Channel]:
        address = self._address()
        if address not in self._channels:
            try:
                opened = await ready_channel(address)
            except Unreachable as error:
                raise NoAnswer(address) from error
            if address in self._channels:
                await opened.close()
            else:
                self._channels[address] = opened
        return address, self._channels[address]


def _start(start: str) -> events_pb2.Start:
    return events_pb2.START_OLDEST if start == "start" else events_pb2.START_NOW
