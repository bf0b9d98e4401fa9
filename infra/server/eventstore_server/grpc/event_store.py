"""The service `EventStoreService`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from eventstore_server.grpc.events import messages_of
from eventstore_server.grpc.publishing import Inbox, acknowledgements_of, publish_events, published_message
from eventstore_server.grpc.reading import read_all, read_stream, requested_event
from eventstore_server.grpc.subscribing import Subscribing
from eventstore_server.grpc.working import Working

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from eventstore.access import Access
    from eventstore_server.grpc.call import Call
    from eventstore_server.grpc.connections import Connections

__all__ = ["EventStoreService"]


class EventStoreService:
    """Publishes, reads and delivers events.

    Args:
        connections: The calls that count as connections.
    """

    def __init__(self, connections: Connections) -> None:
        self.subscribe = Subscribing(connections).serve
        self.work = Working(connections).serve
        self.read = read_stream
        self.read_all = read_all

    async def publish(self, request: messages.PublishRequest, call: Call) -> bytes:
        """Store events, all or none of each stream."""

        def response(access: Access) -> bytes:
            results = publish_events(request, call.hub, access=access)
            return messages.PublishResponse(results=map(published_message, results)).SerializeToString()

        return await call.run(response)

    async def publish_stream(self, requests: AsyncIterator[messages.PublishStreamRequest], call: Call) -> None:
        """Store events as they come. While a thread stores some, those that come next wait, to be stored together."""
        # First, so that a call without a valid credential has nothing read.
        await call.run(lambda _: None)
        inbox = Inbox()
        receiver = asyncio.create_task(call.drain.wait(inbox.receive(requests)))
        try:
            while waiting := await inbox.take():
                outcomes = await acknowledgements_of(waiting, call)
                if outcomes:
                    await call.context.write(messages.PublishStreamResponse(acknowledgements=outcomes))
            # Unless it was interrupted, it has ended.
            await receiver
        finally:
            receiver.cancel()
            await asyncio.gather(receiver, return_exceptions=True)

    async def get(self, request: messages.GetRequest, call: Call) -> messages.GetResponse:
        """Return one event."""

        def response(access: Access) -> messages.GetResponse:
            (message,) = messages_of([requested_event(request, call.hub, access=access)], request.format)
            return messages.GetResponse(event=message)

        return await call.run(response)
