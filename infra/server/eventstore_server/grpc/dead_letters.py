"""The rest of the service `SubscriptionService`: streams that durable subscriptions have parked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eventstore.errors import NothingParked
from eventstore.streams import DurableName, stream_name
from eventstore_proto.flunq.eventstore.v1 import subscription_service_pb2 as messages
from eventstore_server.grpc.bodies import body_of, message_like, query_of
from eventstore_server.grpc.events import messages_of
from functions.rest.queries import dead_letters_query
from functions.rest.subscription_answers import dead_letter
from functions.rest.subscription_models import redrive
from functions.rest.tokens import DEAD_LETTERS, token_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.access import Access
    from eventstore.durable.directory import ParkedStream
    from eventstore.streams import StreamName
    from eventstore_server.grpc.call import Call

__all__ = ["DeadLetterCalls"]

_MODES: Mapping[int, str] = {
    messages.REDRIVE_MODE_START: "start",
    messages.REDRIVE_MODE_SKIP: "skip",
    messages.REDRIVE_MODE_DROP: "drop",
}


class DeadLetterCalls:
    """Lists, resumes and drops parked streams."""

    async def list_dead_letters(
        self, request: messages.ListDeadLettersRequest, call: Call
    ) -> messages.ListDeadLettersResponse:
        """Return a page of parked streams."""
        query = dead_letters_query(
            query_of(
                subscription=request.subscription, stream=request.stream, limit=request.limit, cursor=request.cursor
            )
        )

        def listed(access: Access) -> messages.ListDeadLettersResponse:
            entries = call.hub.directory.parked(
                access=access,
                name=query.subscription,
                stream=query.stream,
                after=query.after,
                count=query.limit + 1,
            )
            shown = entries[: query.limit]
            following = (
                token_of(DEAD_LETTERS, shown[-1].subscription, shown[-1].stream) if len(entries) > len(shown) else ""
            )
            return messages.ListDeadLettersResponse(dead_letters=map(_message, shown), next=following)

        return await call.run(listed)

    async def get_dead_letter(
        self, request: messages.GetDeadLetterRequest, call: Call
    ) -> messages.GetDeadLetterResponse:
        """Return a parked stream, with the event that failed."""

        def described(access: Access) -> messages.GetDeadLetterResponse:
            name, stream = DurableName(request.subscription), stream_name(request.stream, pointer="/stream")
            entries = call.hub.directory.parked(access=access, name=name, stream=stream, count=1)
            if not entries:
                raise NothingParked(name, stream)
            event = call.hub.directory.failed_event(entries[0], access=access)
            response = messages.GetDeadLetterResponse(dead_letter=_message(entries[0]))
            if event is not None:
                response.event.CopyFrom(messages_of([event], request.format)[0])
            return response

        return await call.run(described)

    async def redrive_dead_letters(
        self, request: messages.RedriveDeadLettersRequest, call: Call
    ) -> messages.RedriveDeadLettersResponse:
        """Resume parked streams; the next turns of their partitions do so."""
        mode = _MODES.get(request.mode, "start")
        streams = await _redriven(call, request.subscription, request.stream, mode)
        return messages.RedriveDeadLettersResponse(streams=streams)

    async def purge_dead_letters(
        self, request: messages.PurgeDeadLettersRequest, call: Call
    ) -> messages.PurgeDeadLettersResponse:
        """Drop all parked events, so that their streams continue after them."""
        streams = await _redriven(call, request.subscription, request.stream, "drop")
        return messages.PurgeDeadLettersResponse(streams=streams)


async def _redriven(call: Call, subscription: str, stream: str, mode: str) -> Sequence[StreamName]:
    def redriven(access: Access) -> Sequence[StreamName]:
        body = body_of({"subscription": subscription, "stream": stream, "how": mode})
        name, named, how = redrive(body)
        return call.hub.durable_subscriptions.redrive(name, named, how, access=access)

    return await call.run(redriven)


def _message(entry: ParkedStream) -> messages.DeadLetter:
    return message_like(messages.DeadLetter(), json.loads(dead_letter(entry, None)))
