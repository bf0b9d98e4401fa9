"""The service `StreamService`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.errors import InvalidRequest
from eventstore.streams import Condition, stream_name
from eventstore_proto.flunq.eventstore.v1 import stream_service_pb2 as messages
from eventstore_server.grpc.bodies import body_of, message_like, names_page
from functions.rest import responses
from functions.rest.conditions import conditions, settings_condition, settings_version
from functions.rest.models import fork_request, new_stream, stream_changes
from functions.rest.tokens import STREAMS, next_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.access import Access
    from eventstore.streams import StreamName, StreamState
    from eventstore_server.grpc.call import Call

__all__ = ["StreamService"]


class StreamService:
    """Manages streams."""

    async def list_streams(self, request: messages.ListStreamsRequest, call: Call) -> messages.ListStreamsResponse:
        """Return a page of the streams, sorted by name."""
        page = names_page(STREAMS, request)

        def listed(access: Access) -> messages.ListStreamsResponse:
            states = call.hub.reader.streams(access=access, prefix=page.prefix, after=page.after, count=page.limit + 1)
            return messages.ListStreamsResponse(
                streams=map(_message, states[: page.limit]), next=next_token(STREAMS, states, page.limit)
            )

        return await call.run(listed)

    async def get_stream(self, request: messages.GetStreamRequest, call: Call) -> messages.GetStreamResponse:
        """Return the description of a stream."""

        def described(access: Access) -> messages.GetStreamResponse:
            description = call.hub.reader.describe(_name(request.stream), access=access)
            state = description.state
            return messages.GetStreamResponse(
                stream=_message(state), version=settings_version(state, description.epoch)
            )

        return await call.run(described)

    async def create_stream(self, request: messages.CreateStreamRequest, call: Call) -> messages.CreateStreamResponse:
        """Create a stream before anything is published to it."""

        def create(access: Access) -> messages.CreateStreamResponse:
            limits = {"max_age": request.retention.max_age, "max_events": request.retention.max_events}
            name, config = new_stream(
                body_of(
                    {
                        "id": request.stream,
                        "retention": {limit: value for limit, value in limits.items() if value},
                        "labels": dict(request.labels),
                    }
                )
            )
            state, created = call.hub.streams.create(name, config, access=access, new=request.must_be_new)
            return messages.CreateStreamResponse(stream=_message(state), created=created)

        return await call.run(create)

    async def change_stream(self, request: messages.ChangeStreamRequest, call: Call) -> messages.ChangeStreamResponse:
        """Change the retention or the labels of a stream."""
        accepts = settings_condition([request.expected_version] if request.HasField("expected_version") else None)

        def change(access: Access) -> messages.ChangeStreamResponse:
            limits = [limit for limit in ("max_age", "max_events") if request.HasField(limit)]
            if conflicting := sorted(set(request.labels) & set(request.removed_labels)):
                raise InvalidRequest(f"label {conflicting[0]!r} is both set and removed", pointer="/removed_labels")
            changes = stream_changes(
                body_of(
                    {
                        "retention": {limit: getattr(request, limit) or None for limit in limits},
                        "labels": {**request.labels, **dict.fromkeys(request.removed_labels)},
                    }
                )
            )
            state, epoch = call.hub.streams.configure(_name(request.stream), changes, access=access, accepts=accepts)
            return messages.ChangeStreamResponse(stream=_message(state), version=settings_version(state, epoch))

        return await call.run(change)

    async def fork_stream(self, request: messages.ForkStreamRequest, call: Call) -> messages.ForkStreamResponse:
        """Make a stream of the first events of another one."""

        def fork(access: Access) -> messages.ForkStreamResponse:
            until = {"until": request.until} if request.HasField("until") else {}
            to, last = fork_request(body_of({"to": request.to, **until}))
            state, created = call.hub.streams.fork(_name(request.stream), to, access=access, until=last)
            return messages.ForkStreamResponse(stream=_message(state), created=created)

        return await call.run(fork)

    async def delete_stream(self, request: messages.DeleteStreamRequest, call: Call) -> messages.DeleteStreamResponse:
        """Delete the events of a stream, or the stream permanently."""

        def delete(access: Access) -> None:
            call.hub.streams.delete(
                _name(request.stream), access=access, permanently=request.permanent, conditions=_conditions(request)
            )

        await call.run(delete)
        return messages.DeleteStreamResponse()


def _name(stream: str) -> StreamName:
    return stream_name(stream, pointer="/stream")


def _message(state: StreamState) -> messages.Stream:
    return message_like(messages.Stream(), responses.stream(state))


def _conditions(request: messages.DeleteStreamRequest) -> Sequence[Condition]:
    if not request.HasField("expected_version"):
        return ()
    return conditions({"if-match": f'"{request.expected_version}"'})
