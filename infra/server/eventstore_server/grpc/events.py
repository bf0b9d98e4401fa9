"""Events in requests and responses, in either form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.cloudevents import from_json
from eventstore.cloudevents.json_text import decoded
from eventstore.errors import InvalidEvent
from eventstore_proto.flunq.eventstore.v1.events_pb2 import EVENT_FORMAT_PROTOBUF
from eventstore_proto.flunq.eventstore.v1.events_pb2 import Event as EventMessage
from eventstore_server.grpc.cloudevents import from_protobuf, to_protobuf

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eventstore.cloudevents.event import Event, RecordedEvent

__all__ = ["event_of", "events_of", "message_of", "messages_of"]


def event_of(message: EventMessage, *, pointer: str) -> Event:
    """Return the event of a request.

    Args:
        message: The event, in either form.
        pointer: Where the request has it (RFC 6901), for the error.

    Raises:
        InvalidEvent, Malformed: It is not a valid event.
    """
    match message.WhichOneof("body"):
        case "json":
            return from_json(decoded(message.json).strip(" \t\r\n"), pointer=pointer)
        case "cloud_event":
            return from_protobuf(message.cloud_event, pointer=pointer)
        case _:
            raise InvalidEvent("the event is empty; set json or cloud_event", pointer=pointer)


def events_of(messages: Iterable[EventMessage]) -> list[Event]:
    """Return the events of a request, in order; raises as `event_of` does."""
    return [event_of(message, pointer=f"/events/{index}") for index, message in enumerate(messages)]


def message_of(text: str, form: int) -> EventMessage:
    """Return an event for a response.

    Args:
        text: The event in the JSON format, with the hub's extensions.
        form: The `EventFormat` that the caller asked for.
    """
    if form == EVENT_FORMAT_PROTOBUF:
        return EventMessage(cloud_event=to_protobuf(text))
    return EventMessage(json=text.encode())


def messages_of(events: Sequence[RecordedEvent], form: int) -> list[EventMessage]:
    """Return recorded events for a response; see `message_of`."""
    if form == EVENT_FORMAT_PROTOBUF:
        return [message_of(event.encoded().decode(), form) for event in events]
    return [EventMessage(json=event.encoded()) for event in events]
