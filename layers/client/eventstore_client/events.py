"""Events as published, and the position of a published event. JSON text is passed on, so that numbers stay exact.

The constructors of flunq.io's events are modules of `eventstore_client.catalogue`, which are imported when they are
first used here: `events.task.completed(source="/workers/payment", workflowid="order-7", taskid="charge-card")`.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from cloudevents.core.formats.json import JSONFormat

if TYPE_CHECKING:
    from collections.abc import Callable

    # The aliases export the names to type checkers.
    from eventstore_client.catalogue import execution as execution  # noqa: PLC0414
    from eventstore_client.catalogue import step as step  # noqa: PLC0414
    from eventstore_client.catalogue import system as system  # noqa: PLC0414
    from eventstore_client.catalogue import task as task  # noqa: PLC0414
    from eventstore_client.catalogue import timer as timer  # noqa: PLC0414
    from eventstore_client.catalogue import workflow as workflow  # noqa: PLC0414

__all__ = ["AnyCloudEvent", "Publishable", "Stored", "encode_event", "random_id"]


@runtime_checkable
class AnyCloudEvent(Protocol):
    """A `CloudEvent` of the `cloudevents` library: of `cloudevents.core`, or of `cloudevents.http` and `.pydantic`."""

    def get_attributes(self) -> Mapping[str, Any]:
        """Return the attributes of the event."""
        ...

    def get_data(self) -> Any:  # noqa: ANN401 - data is any value
        """Return the data of the event."""
        ...


Publishable: TypeAlias = "AnyCloudEvent | Mapping[str, Any] | str | bytes"
"""A `CloudEvent` of the `cloudevents` library, an event in the JSON format as a mapping, or its JSON text.
The data, and any value in it, may be a pydantic model or a dataclass. A mapping without an `id` gets one.
Only the text preserves every JSON number: Python's types lose `1e400`, and `1.0` against `1`."""

_NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})
_JSON_TYPE = JSONFormat.JSON_CONTENT_TYPE_PATTERN

_CONSTRUCTORS = (
    "eventstore_client.catalogue.execution",
    "eventstore_client.catalogue.step",
    "eventstore_client.catalogue.system",
    "eventstore_client.catalogue.task",
    "eventstore_client.catalogue.timer",
    "eventstore_client.catalogue.workflow",
)
"""The names of modules in full: what checks builds of the client finds its imports so."""

if not TYPE_CHECKING:  # A type checker would accept every name.

    def __getattr__(name):  # noqa: ANN001, ANN202 - only the interpreter calls it
        module = f"eventstore_client.catalogue.{name}"
        if module not in _CONSTRUCTORS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return import_module(module)


@dataclass(frozen=True, slots=True)
class Stored:
    """The position of a published event.

    Attributes:
        stream: The name of its stream.
        sequence: Its sequence in the stream, from 1.
        id: Its CloudEvents id.
        duplicate: Whether it was stored before.
    """

    stream: str
    sequence: int
    id: str
    duplicate: bool


def random_id() -> str:
    """Return an id for an event that has none: a random UUID."""
    from uuid import uuid4  # noqa: PLC0415 - events that have ids need it not, and it takes long

    return str(uuid4())


def encode_event(
    event: Publishable,
    *,
    new_id: Callable[[], str] = random_id,
    attributes: Mapping[str, str] = _NO_ATTRIBUTES,
) -> str:
    """Return the event in the CloudEvents JSON format. Text is returned as it is, without validation.

    Args:
        event: The event.
        new_id: Returns the id of an event that has none.
        attributes: The trace context of an event that has no `traceparent`.

    Raises:
        TypeError: The object is not an event, or contains a value that JSON cannot represent.
        ValueError: It contains a number that JSON cannot represent.
    """
    if isinstance(event, str):
        return event
    if isinstance(event, bytes):
        return event.decode()
    default = _plain
    if isinstance(event, Mapping):
        members: Mapping[str, Any] = event
    elif isinstance(event, AnyCloudEvent):
        members, default = _cloudevent_members(event), _plain_or_time
    else:
        raise TypeError(
            f"a {type(event).__name__} is not an event; pass a CloudEvent of cloudevents, a mapping in the JSON "
            "format, or JSON text"
        )
    if "specversion" not in members:
        members = {"specversion": "1.0", **members}
    if members.get("id") is None:
        members = {**members, "id": new_id()}
    if attributes and "traceparent" not in members:
        members = {**members, **attributes}
    return json.dumps(members, allow_nan=False, separators=(",", ":"), default=default)


def _cloudevent_members(event: AnyCloudEvent) -> Mapping[str, Any]:
    """Return the members of an event in the JSON format (CloudEvents 1.0.2, JSON format, 3.1)."""
    members = {name: value for name, value in event.get_attributes().items() if value is not None}
    data = event.get_data()
    if isinstance(data, bytes | bytearray):
        members["data_base64"] = b64encode(data).decode()
    elif data is not None:
        is_json = re.match(_JSON_TYPE, members.get("datacontenttype") or "application/json")
        members["data"] = data if is_json else str(data)
    return members


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value that JSON cannot represent
    """Return a pydantic model or a dataclass as a mapping. pydantic is recognised by its method, not imported."""
    if callable(dump := getattr(value, "model_dump", None)) and not isinstance(value, type):
        return dump(mode="json", by_alias=True)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    raise TypeError(
        f"the event contains a {type(value).__name__}, which JSON cannot represent; pass bytes as data_base64 in "
        "Base64, and a time as text (isoformat)"
    )


def _plain_or_time(value: Any) -> Any:  # noqa: ANN401 - any value that JSON cannot represent
    """Like `_plain`, but a datetime is a timestamp, as for the format of the `cloudevents` library."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else _plain(value)
