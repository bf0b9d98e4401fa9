"""Ephemeral subscriptions: the first message says how the subscription began, and frames follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.errors import InvalidRequest
from eventstore.subscriptions import Subscription, SubscriptionId, SubscriptionKey
from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from eventstore_server.grpc.frames import FrameEncoder
from eventstore_server.grpc.selections import filter_of, missing_of, streams_of
from functions.protocol import STREAMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.access import Access
    from eventstore.live.subscribe import Subscribed
    from eventstore.subscriptions import Connection
    from eventstore_server.grpc.call import Call
    from eventstore_server.grpc.connections import Connections

__all__ = ["Subscribing"]

_OWN_ID = SubscriptionId("s")
"""A call has one subscription."""

_RECOVERIES: Mapping[str, messages.Recovery] = {
    "complete": messages.RECOVERY_COMPLETE,
    "truncated": messages.RECOVERY_TRUNCATED,
    "new-epoch": messages.RECOVERY_NEW_EPOCH,
}


class Subscribing:
    """Serves calls of `Subscribe`.

    Args:
        connections: The calls that count as connections.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._encoder = FrameEncoder(messages.SubscribeResponse)

    async def serve(self, request: messages.SubscribeRequest, call: Call) -> None:
        """Serve a call until its client ends it, or the server closes its session."""
        async with self._connections.feed(call, self._encoder, form=request.format) as feed:
            subscribed = await call.run(lambda access: _start(request, call, feed.connection, access))
            await call.context.write(_first(subscribed))
            # The client has its answer: turns may send it frames now. Those of other turns have waited.
            await call.run(lambda _: call.hub.subscriptions.wake(subscribed))
            await feed.write(call.context)


def _start(request: messages.SubscribeRequest, call: Call, connection: Connection, access: Access) -> Subscribed:
    hub = call.hub
    if len(request.streams) > STREAMS.maximum:
        raise InvalidRequest(
            f"streams lists {len(request.streams)} streams; at most {STREAMS.maximum} are allowed", pointer="/streams"
        )
    if request.cursors and request.start:
        raise InvalidRequest("start and cursors exclude each other; send one of them", pointer="/start")
    subscription = Subscription(
        SubscriptionKey(hub.new_id()),
        connection.id,
        _OWN_ID,
        filter_of(request.filters, request.filter_name, hub, access=access),
        streams_of(request.streams),
    )
    hub.subscriptions.connect(connection, access=access)
    oldest = request.start == messages.START_OLDEST
    return hub.subscriptions.start(subscription, access=access, cursors=list(request.cursors), oldest=oldest)


def _first(subscribed: Subscribed) -> bytes:
    content = messages.Subscribed(
        recovery=_RECOVERIES[subscribed.recovery], partitions=subscribed.partitions, renewed=subscribed.renewed
    )
    if subscribed.missing or subscribed.missing_more:
        content.missing.CopyFrom(missing_of(subscribed.missing, more=subscribed.missing_more))
    return messages.SubscribeResponse(cursor=subscribed.cursor, subscribed=content).SerializeToString()
