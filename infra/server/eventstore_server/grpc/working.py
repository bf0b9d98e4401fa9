"""Members of durable subscriptions: one call is one member."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from eventstore import groups
from eventstore.errors import InvalidRequest
from eventstore.streams import DurableName, stream_name
from eventstore.subscriptions import SubscriptionId
from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from eventstore_server.grpc.call import DeadlinePassed
from eventstore_server.grpc.frames import FrameEncoder
from eventstore_server.grpc.limits import require_at_most
from eventstore_server.grpc.statuses import failure_of
from functions.protocol import DELAY, FRAME, SEQUENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from eventstore.access import Access
    from eventstore.hub.hub import Hub
    from eventstore.subscriptions import Connection, ConnectionId, Durable
    from eventstore_server.grpc.call import Call
    from eventstore_server.grpc.connections import Connections
    from eventstore_server.grpc.feed import Feed

__all__ = ["Working"]

_OWN_ID = SubscriptionId("w")
"""A call is a member of one durable subscription."""


class Working:
    """Serves calls of `Work`.

    Args:
        connections: The calls that count as connections.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._encoder = FrameEncoder(messages.WorkResponse)

    async def serve(self, requests: AsyncIterator[messages.WorkRequest], call: Call) -> None:
        """Serve a call until the member leaves, its client ends the call, or the server closes its session."""
        first = await call.drain.wait(anext(requests, None))
        if first is None or first.WhichOneof("action") != "join":
            raise InvalidRequest("the first message of a call must be join", pointer="/join")
        join = first.join
        async with self._connections.feed(call, self._encoder, form=join.format) as feed:
            durable, partitions = await call.run(lambda access: _join(join, call.hub, feed.connection, access))
            joined = messages.Joined(
                request=first.request, partitions=partitions, ack_deadline=durable.settings.ack_deadline_ms / 1000
            )
            await call.context.write(messages.WorkResponse(joined=joined))
            actions = asyncio.create_task(_follow(requests, feed, call))
            try:
                await feed.write(call.context)
                # It has ended: what failed in it is how the call ends.
                await actions
            finally:
                actions.cancel()
                await asyncio.gather(actions, return_exceptions=True)


def _join(join: messages.Join, hub: Hub, connection: Connection, access: Access) -> tuple[Durable, Sequence[int]]:
    hub.subscriptions.connect(connection, access=access)
    return hub.members.join(connection.id, _OWN_ID, DurableName(join.subscription), access=access)


async def _follow(requests: AsyncIterator[messages.WorkRequest], feed: Feed, call: Call) -> None:
    """Apply the requests of a member in order, and answer each; then it has left."""
    connection = feed.connection.id
    try:
        async for request in requests:
            answer = messages.Answer(request=request.request)
            try:
                await call.run(lambda access, request=request: _apply(request, call.hub, connection, access))  # type: ignore[misc]  # mypy infers no lambda with a default
            except DeadlinePassed:
                raise
            except Exception as error:  # noqa: BLE001 - `failure_of` logs what is not an error of the hub
                answer.failure.CopyFrom(failure_of(error))
            feed.send(messages.WorkResponse(answer=answer))
            if request.WhichOneof("action") == "leave" and not answer.HasField("failure"):
                break
    finally:
        feed.finish()


def _apply(request: messages.WorkRequest, hub: Hub, connection: ConnectionId, access: Access) -> None:
    match request.WhichOneof("action"):
        case "ack":
            _acknowledge(request.ack, hub, connection, access)
        case "nack":
            _fail(request.nack, hub, connection, access)
        case "release":
            release = request.release
            require_at_most(FRAME.maximum, release.frame, pointer="/release/frame")
            hub.members.release(connection, _OWN_ID, release.partition, access=access, frame=release.frame)
        case "leave":
            hub.members.unsubscribe(connection, _OWN_ID)
        case "join":
            raise InvalidRequest("the call has joined already; use another call to join once more", pointer="/join")
        case _:
            raise InvalidRequest("the message has no action", pointer="")


def _acknowledge(ack: messages.Ack, hub: Hub, connection: ConnectionId, access: Access) -> None:
    if bool(ack.cursors) == bool(ack.stream):
        raise InvalidRequest("send either cursors, or stream and sequence", pointer="/ack")
    if ack.cursors:
        hub.members.acknowledge(connection, _OWN_ID, list(ack.cursors), access=access)
        return
    stream = stream_name(ack.stream, pointer="/ack/stream")
    require_at_most(SEQUENCE.maximum, ack.sequence, pointer="/ack/sequence")
    require_at_most(FRAME.maximum, ack.frame, pointer="/ack/frame")
    command = groups.AckStream(connection, stream, ack.sequence, ack.frame)
    hub.members.acknowledge_stream(_OWN_ID, command, access=access)


def _fail(nack: messages.Nack, hub: Hub, connection: ConnectionId, access: Access) -> None:
    stream = stream_name(nack.stream, pointer="/nack/stream")
    require_at_most(SEQUENCE.maximum, nack.sequence, pointer="/nack/sequence")
    require_at_most(FRAME.maximum, nack.frame, pointer="/nack/frame")
    require_at_most(DELAY.maximum, nack.delay_seconds, pointer="/nack/delay_seconds")
    delay_ms = nack.delay_seconds * 1000 if nack.HasField("delay_seconds") else None
    reason = nack.reason[: groups.LONGEST_REASON]
    about = (stream, nack.sequence, reason, delay_ms, nack.park, nack.frame)
    hub.members.fail(_OWN_ID, groups.Nack(connection, *about), access=access)
