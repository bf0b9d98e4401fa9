"""flunq.io's event types: their JSON Schemas and short names, and constructors and filters that accept both names.

The constructors with typed parameters are in `eventstore_client.events`, one module for each kind of event:
`events.task.completed(...)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.cloudevents.catalogue import aliases, event_types, resolve
from eventstore.cloudevents.catalogue import schema as find_schema
from eventstore_client.catalogue.event import Attributes, make
from eventstore_client.type_filters import any_filter, pattern_filter

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Attributes", "aliases", "create", "event_types", "resolve", "schema", "type_filter"]


def schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the data of a type. It refers to no other schema.

    Args:
        name: The type, or its short name.

    Raises:
        ValueError: The catalogue does not have the type.
    """
    found = find_schema(name)
    if found is None:
        raise ValueError(f"{name!r} is not in the catalogue{_suggestion(name)}")
    return dict(found)


def create(name: str, data: Mapping[str, Any], *, source: str, **attributes: str) -> dict[str, Any]:
    """Return an event of a type that is known only when the program runs.

    Where the type is known before, use a constructor of `eventstore_client.events`, which type checkers check.

    Args:
        name: The type, or its short name.
        data: The data.
        source: The source of the event.
        attributes: Further attributes, such as `workflowid`; an omitted `id` and `time` are made.

    Raises:
        ValueError: The catalogue does not have the type, or a required member of the data is missing.
    """
    missing = [member for member in schema(name).get("required", ()) if data.get(member) is None]
    if missing:
        raise ValueError(f"the data of {resolve(name)} must have {' and '.join(missing)}")
    return make(resolve(name), data, source=source, **attributes)


def type_filter(*names: str) -> dict[str, Any]:
    """Return a filter of events that have one of several types.

    Args:
        names: Types, and short names of types of the catalogue. A text that ends in `*` is a prefix.

    Raises:
        ValueError: There are no names, or `*` is not the end of a prefix.
    """
    if not names:
        raise ValueError("type_filter() needs at least one type, such as 'task.completed' or 'io.flunq.task.*'")
    return any_filter([pattern_filter(name if name.endswith("*") else resolve(name)) for name in names])


def _suggestion(name: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only for an error

    near = get_close_matches(name, [*event_types(), *aliases()], n=1)
    return f"; did you mean {near[0]!r}?" if near else "; catalogue.event_types() lists its types"
