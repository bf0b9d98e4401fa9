"""The parameters and headers of calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from functions.rest.openapi.shapes import NAME, TIME

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PARAMETERS", "refs"]

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_SEQUENCE: dict[str, Any] = {"type": "integer", "minimum": 1, "maximum": 10**15}


def refs(*names: str) -> list[Mapping[str, str]]:
    """References to parameters."""
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _query(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _any_of(name: str, description: str, item: dict[str, Any] = _TEXT) -> dict[str, Any]:
    # An empty list is sent as no parameter at all, or as an empty one; only the first means something.
    schema = {"type": "array", "items": item, "minItems": 1}
    return _query(name, f"{description} Repeat it for any of several.", schema)


def _path(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def _header(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": description, "schema": schema}


PARAMETERS: dict[str, Any] = {
    "Id": _path("id", "The event's id, percent-encoded.", _TEXT),
    "Stream": _path("stream", "The stream's name.", NAME),
    "Subscription": _path("subscription", "The durable subscription's name.", NAME),
    "OfSubscription": _query("subscription", "Only of this durable subscription.", NAME),
    "TheSubscription": _query("subscription", "Of this durable subscription.", NAME) | {"required": True},
    "IntoStream": _query(
        "stream",
        "Where all events belong; without it, each says so itself: `{tenantid}:{workflowid}`, else `{workflowid}`, "
        "else the `partitionkey` extension, else `default`. A `tenantid` with a colon needs it.",
        NAME,
    ),
    "OfSource": _query("source", "The event's source, where several use the id.", _TEXT),
    "OfStream": _query("stream", "Only of this stream.", NAME),
    "Mode": _query(
        "mode",
        "How the event is answered: as one JSON object, or with its attributes as headers and its data as the body.",
        {"enum": ["structured", "binary"], "default": "structured"},
    ),
    "Type": _any_of("type", "Only these types; one may end in `*`."),
    "Source": _any_of("source", "Only from these sources."),
    "Subject": _any_of("subject", "Only about these subjects."),
    "Streams": _any_of("stream", "Only of these streams.", NAME),
    "WorkflowId": _any_of("workflowid", "Only of these workflows."),
    "ExecutionId": _any_of("executionid", "Only of these executions."),
    "TenantId": _any_of("tenantid", "Only of these tenants."),
    "TaskId": _any_of("taskid", "Only of these tasks."),
    "CorrelationId": _any_of("correlationid", "Only of these correlations."),
    "CausationId": _any_of("causationid", "Only of these causes."),
    "StartFrom": _query(
        "from", "With what is published from now on, or with the oldest event kept.", {"enum": ["now", "start"]}
    ),
    "Cursors": _any_of("cursor", "Behind these places, instead of `from`."),
    "Filter": _any_of(
        "filter",
        "Only if this expression in CloudEvents SQL 1.0.0 is true; an event on which it fails does not match. "
        "The hub's own attributes can be asked for: `hubstream`, `hubsequence`, `hubtime`.",
        _TEXT | {"maxLength": 8192, "examples": ["type LIKE 'io.flunq.%' AND EXISTS subject"]},
    ),
    "Since": _query("since", "Stored at or after this time.", TIME),
    "Until": _query("until", "Stored before this time.", TIME),
    "Order": _query("order", "Oldest or newest first.", {"enum": ["asc", "desc"], "default": "asc"}),
    "From": _query("from", "The least sequence.", _SEQUENCE | {"default": 1}),
    "To": _query("to", "The greatest sequence.", _SEQUENCE),
    "Direction": _query(
        "direction", "Oldest or newest first.", {"enum": ["forwards", "backwards"], "default": "forwards"}
    ),
    "Prefix": _query("prefix", "Only names that start so.", NAME),
    "Limit": _query(
        "limit",
        "The most that one page holds; it may hold fewer, and still have a next one.",
        {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
    ),
    "Cursor": _query("cursor", "Where an earlier page ended: its `next`.", _TEXT),
    "Permanent": _query(
        "permanent", "True ends the stream: it takes no events again.", {"enum": ["true", "false"], "default": "false"}
    ),
    "IfMatch": _header(
        "If-Match",
        'Store only if the stream ends at this version: `"7"`, or an ETag as it was given.',
        {"type": "string", "pattern": r'^"(0|[1-9][0-9]{0,14})"$'},
    ),
    "IfVersion": _header(
        "If-Match",
        'Only if the stream is at one of these versions: `"7"`, where it ends, or an ETag as it was given, which is '
        "compared in every part; `*`: whatever version it is at.",
        {"type": "string", "examples": ['"7"']},
    ),
    "IfSettings": _header(
        "If-Match",
        'Only if the stream is at one of these versions: `"7"`, where it ends, or the ETag of its description as it '
        "was given, which changes with its settings too; `*`: whatever version it is at.",
        {"type": "string", "examples": ['"7"']},
    ),
    "IfDefinition": _header(
        "If-Match",
        "Only if the subscription's definition is one of these: an ETag as it was given; `*`: whatever it is.",
        {"type": "string"},
    ),
    "IfNoVersion": _header(
        "If-None-Match", "Only if the stream is at none of these versions, as in If-Match.", {"type": "string"}
    ),
    "IfNew": _header("If-None-Match", "`*`: store only if the stream has had no event yet.", {"const": "*"}),
    "IfNotThere": _header("If-None-Match", "`*`: only if there is no stream of this name.", {"const": "*"}),
    "IfNoneMatch": _header(
        "If-None-Match",
        "ETags that the reader has; 304 if one is current.",
        {"type": "string"},
    ),
    "Prefer": _header(
        "Prefer",
        "`wait=20`: wait up to 20 (at most 25) seconds for an event beyond `from`; with `If-None-Match`, for a change.",
        {"type": "string", "examples": ["wait=1"]},
    ),
}
