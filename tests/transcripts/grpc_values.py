"""Messages of the protobuf files as those of docs/protocol.md, and filters the other way (docs/grpc.md)."""

from __future__ import annotations

import base64
import json
from datetime import UTC
from typing import TYPE_CHECKING, Any

from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from eventstore_proto.flunq.eventstore.v1.events_pb2 import AttributeValues, Event, Filter, Filters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.timestamp_pb2 import Timestamp

    from eventstore_proto.flunq.eventstore.v1.events_pb2 import Missing
    from eventstore_proto.io.cloudevents.v1.cloudevents_pb2 import CloudEvent
    from tests.transcripts.transcript import Json

__all__ = ["event_of", "filter_of", "frame_of", "json_event", "missing_of", "recovery_of"]

_RECOVERIES: Mapping[int, str] = {
    messages.RECOVERY_COMPLETE: "complete",
    messages.RECOVERY_TRUNCATED: "truncated",
    messages.RECOVERY_NEW_EPOCH: "new-epoch",
}


def event_of(event: Json) -> Event:
    """An event to publish."""
    return Event(json=json.dumps(event, separators=(",", ":")).encode())


def json_event(event: Event) -> dict[str, Any]:
    """An event that was received, in either format."""
    if event.WhichOneof("body") == "json":
        decoded: dict[str, Any] = json.loads(event.json)
        return decoded
    return _converted(event.cloud_event)


def filter_of(condition: Json) -> Filter:
    """A filter of docs/protocol.md."""
    ((dialect, operand),) = condition.items()
    made = Filter()
    match dialect:
        case "exact" | "prefix" | "suffix":
            getattr(made, dialect).CopyFrom(AttributeValues(attributes=operand))
        case "all" | "any":
            getattr(made, dialect).CopyFrom(Filters(filters=map(filter_of, operand)))
        case "not":
            getattr(made, dialect).CopyFrom(filter_of(operand))
        case _:
            made.sql = operand
    return made


def missing_of(missing: Missing) -> dict[str, Any]:
    """What the hub reports as missing, as members of a message."""
    ranges = [{"stream": one.stream, "first": one.first, "last": one.last} for one in missing.ranges]
    members: dict[str, Any] = {"missing": ranges}
    if missing.more:
        members["missing_more"] = True
    if missing.gone:
        members["gone"] = list(missing.gone)
    return members


def recovery_of(subscribed: messages.Subscribed) -> dict[str, Any]:
    """How a subscription has begun, as members of a message."""
    members: dict[str, Any] = {
        "recovery": _RECOVERIES[subscribed.recovery],
        "partitions": list(subscribed.partitions),
    }
    if subscribed.HasField("missing"):
        members |= missing_of(subscribed.missing)
    if subscribed.renewed:
        members["renewed"] = list(subscribed.renewed)
    return members


def frame_of(response: messages.SubscribeResponse | messages.WorkResponse, own_id: str) -> dict[str, Any]:
    """A frame, as a message.

    Args:
        own_id: What the client calls its subscription.
    """
    kind = response.WhichOneof("content")
    members: dict[str, Any] = {
        "type": kind,
        "id": own_id,
        "partition": response.partition,
        "frame": response.frame,
    }
    if response.cursor:
        members["cursor"] = response.cursor
    match kind:
        case "events":
            members |= _events(response.events)
        case "truncated":
            members |= missing_of(response.truncated)
        case "owned" if isinstance(response, messages.WorkResponse):
            members["ack_deadline"] = response.owned.ack_deadline
    return members


def _events(events: messages.Events) -> dict[str, Any]:
    members: dict[str, Any] = {"events": list(map(json_event, events.events))}
    if events.attempt:
        members["attempt"] = events.attempt
    if events.stream:
        members["stream"] = events.stream
    if events.reason:
        members["reason"] = events.reason
    return members


def _time(time: Timestamp) -> str:
    """A time with milliseconds, which is how the hub writes its own: how many zeros a fraction had is lost."""
    return time.ToDatetime(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _converted(event: CloudEvent) -> dict[str, Any]:
    """The CloudEvents protobuf format as the JSON format, as docs/grpc.md maps them."""
    converted: dict[str, Any] = {
        "specversion": event.spec_version,
        "id": event.id,
        "source": event.source,
        "type": event.type,
    }
    for name, attribute in event.attributes.items():
        kind = attribute.WhichOneof("attr")
        converted[name] = _time(attribute.ce_timestamp) if kind == "ce_timestamp" else getattr(attribute, kind)
    match event.WhichOneof("data"):
        case "text_data":
            is_json = "json" in converted.get("datacontenttype", "json")
            converted["data"] = json.loads(event.text_data) if is_json else event.text_data
        case "binary_data":
            converted["data_base64"] = base64.b64encode(event.binary_data).decode()
    return converted
