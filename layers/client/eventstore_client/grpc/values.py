"""Messages as the JSON members that REST has for them, and the other way round."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from eventstore_client.grpc.messages import event_store, events

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp

__all__ = ["event_texts", "members_of", "missing_members", "set_time", "start_of"]

_STARTS = {"now": event_store.START_NOW, "start": event_store.START_OLDEST}


def members_of(message: Message) -> dict[str, Any]:
    """Return the fields of a message as JSON members of the same names; an optional field that is absent is omitted."""
    return {
        field.name: _json_of(getattr(message, field.name), field)
        for field in message.DESCRIPTOR.fields
        if not field.has_presence or message.HasField(field.name)
    }


def event_texts(messages: Iterable[events.Event]) -> str:
    """Return events as a JSON array, with the text of each as the hub sent it.

    Raises:
        UnicodeDecodeError: An event is not in UTF-8.
    """
    return f"[{b','.join(message.json for message in messages).decode()}]"


def missing_members(missing: events.Missing) -> dict[str, Any]:
    """Return the members of a page or message of REST or WebSocket that report missing events; none if none is."""
    ranges = [{"stream": part.stream, "first": part.first, "last": part.last} for part in missing.ranges]
    return {
        **({"missing": ranges} if ranges else {}),
        **({"missing_more": True} if missing.more else {}),
        **({"gone": list(missing.gone)} if missing.gone else {}),
    }


def start_of(name: str) -> event_store.Start:
    """Return where a subscription starts.

    Raises:
        ValueError: There is no such start.
    """
    try:
        return _STARTS[name]
    except KeyError:
        raise ValueError(f"start must be 'now' or 'start', not {name!r}") from None


def set_time(field: Timestamp, text: str) -> None:
    """Set a time in the format of RFC 3339.

    Raises:
        ValueError: The text is not such a time.
    """
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone, such as Z")
    field.FromDatetime(time.astimezone(UTC))


def _json_of(value: Any, field: Any) -> Any:  # noqa: ANN401 - of any field; its descriptor has two unrelated types
    kind = field.message_type
    if kind is None:
        return list(value) if field.is_repeated else value
    if kind.GetOptions().map_entry:
        return dict(value)
    if field.is_repeated:
        return [members_of(item) for item in value]
    if kind.full_name == "google.protobuf.Timestamp":
        return value.ToDatetime().isoformat(timespec="milliseconds") + "Z"
    return members_of(value)
