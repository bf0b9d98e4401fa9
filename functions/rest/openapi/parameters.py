"""The parameters of calls: those of paths, of queries (`functions.parameters`) and headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from functions.parameters import QUERIES, Kind
from functions.rest.conditions import VERSION_PATTERN
from functions.rest.openapi.shapes import NAME, TIME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from functions.parameters import Parameter

__all__ = ["HEADERS", "PATH", "described", "parameters", "query_schema"]

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}


def parameters(operation: str, *others: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All parameters of an operation.

    Args:
        operation: Whose query parameters stand in the table.
        others: Its parameters in the path, and its headers.
    """
    return [*others, *map(_query, QUERIES.get(operation, ()))]


def query_schema(parameter: Parameter) -> dict[str, Any]:
    """The JSON Schema of a query parameter; of a list, where it may be sent several times."""
    match parameter.kind:
        case Kind.NAME:
            schema = NAME
        case Kind.TIME:
            schema = TIME
        case Kind.INTEGER:
            schema = {"type": "integer", "minimum": 1, "maximum": parameter.maximum}
        case Kind.CHOICE:
            schema = {"type": "string", "enum": list(parameter.choices)}
        case Kind.TEXT:
            schema = _TEXT
    schema = schema | dict(parameter.keywords)
    if parameter.default is not None:
        schema["default"] = parameter.default
    # An empty list is sent as no parameter at all, or as an empty one; only the first means something.
    return {"type": "array", "items": schema, "minItems": 1} if parameter.repeated else schema


def described(parameter: Parameter) -> str:
    """What a parameter is for, and whether it may be repeated."""
    return f"{parameter.description} Repeat it for any of several." if parameter.repeated else parameter.description


def _query(parameter: Parameter) -> dict[str, Any]:
    found = {"name": parameter.name, "in": "query", "description": described(parameter)}
    return found | ({"required": True} if parameter.required else {}) | {"schema": query_schema(parameter)}


def _path(name: str, description: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def _header(name: str, description: str, **keywords: object) -> Mapping[str, Any]:
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string", **keywords}}


PATH: Mapping[str, Mapping[str, Any]] = {
    "id": _path("id", "The event's id, percent-encoded.", _TEXT),
    "stream": _path("stream", "The stream's name.", NAME),
    "filter": _path("filter", "The filter's name.", NAME),
    "type": _path("type", "The event type.", NAME),
    "connection": _path("connection", "The connection's id, percent-encoded.", _TEXT),
    "subscription": _path("subscription", "The durable subscription's name.", NAME),
}
"""Parameters of paths, by name."""

_SEVEN: Sequence[str] = ['"7"']

HEADERS: Mapping[str, Mapping[str, Any]] = {
    "IfMatch": _header(
        "If-Match",
        'Store only if the stream ends at this version: `"7"`, or an ETag as it was given.',
        pattern=f"^{VERSION_PATTERN}$",
        examples=_SEVEN,
    ),
    "IfVersion": _header(
        "If-Match",
        'Only if the stream is at one of these versions: `"7"`, where it ends, or an ETag as it was given, which is '
        "compared in every part; `*`: whatever version it is at.",
        examples=_SEVEN,
    ),
    "IfSettings": _header(
        "If-Match",
        'Only if the stream is at one of these versions: `"7"`, where it ends, or the ETag of its description as it '
        "was given, which changes with its settings too; `*`: whatever version it is at.",
        examples=_SEVEN,
    ),
    "IfDefinition": _header(
        "If-Match",
        "Only if the subscription's definition is one of these: an ETag as it was given; `*`: whatever it is.",
    ),
    "IfFilter": _header(
        "If-Match",
        "Only if the filter is at one of these versions: an ETag as it was given; `*`: whatever version it is at.",
    ),
    "IfNoFilter": _header("If-None-Match", "`*`: only if there is no filter of this name.", enum=["*"]),
    "IfSchema": _header(
        "If-Match",
        "Only if the stored schema is at one of these versions: an ETag as it was given; `*`: whatever version.",
    ),
    "IfNoSchema": _header("If-None-Match", "`*`: only if no schema is stored for this type.", enum=["*"]),
    "IfNoVersion": _header("If-None-Match", "Only if the stream is at none of these versions, as in If-Match."),
    "IfNew": _header("If-None-Match", "`*`: store only if the stream has had no event yet.", enum=["*"]),
    "IfNotThere": _header("If-None-Match", "`*`: only if there is no stream of this name.", enum=["*"]),
    "IfNoneMatch": _header("If-None-Match", "ETags that the reader has; 304 if one is current."),
    "Prefer": _header(
        "Prefer",
        "`wait=20`: wait up to 20 (at most 25) seconds for an event beyond `from`; with `If-None-Match`, for a change.",
        examples=["wait=1"],
    ),
}
"""Headers that calls honour, by what they mean there; a name may mean several things."""
