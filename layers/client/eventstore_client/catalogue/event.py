"""Making an event of a type of the catalogue."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict
from uuid import uuid4

from eventstore.cloudevents.catalogue import schema_url

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Attributes", "make"]


class Attributes(TypedDict, total=False):
    """Attributes that every constructor accepts.

    Attributes:
        id: The event's id, unique within its source; a random UUID if omitted.
        time: When it happened, with a time zone, or in RFC 3339; now if omitted.
        subject: What the event is about; the id of the workflow, execution or task if omitted.
        tenantid: The tenant.
        correlationid: Groups events of one request.
        causationid: The id of the event that caused this one.
        traceparent: The trace context (W3C).
        partitionkey: Selects the stream of an event without a workflow.
    """

    id: str
    time: datetime | str
    subject: str
    tenantid: str
    correlationid: str
    causationid: str
    traceparent: str
    partitionkey: str


def make(name: str, data: Mapping[str, Any], *, source: str, **attributes: Any) -> dict[str, Any]:
    """Return an event in the CloudEvents JSON format. Members and attributes that are None are left out.

    Args:
        name: The type.
        data: The members of the data.
        source: The source of the event.
        attributes: Further attributes.

    Raises:
        ValueError: A time has no time zone.
    """
    given = {key: _text(value) for key, value in attributes.items() if value is not None}
    return {
        "specversion": "1.0",
        "id": given.pop("id", None) or str(uuid4()),
        "source": source,
        "type": name,
        "time": given.pop("time", None) or _text(datetime.now(UTC)),
        "datacontenttype": "application/json",
        "dataschema": schema_url(name),
        **given,
        "data": {key: _text(value) for key, value in data.items() if value is not None},
    }


def _text(value: Any) -> Any:
    """Return a time in RFC 3339, and any other value as it is."""
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise ValueError(f"the time {value.isoformat()} has no time zone; use datetime.now(UTC), for example")
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
