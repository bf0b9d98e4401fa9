"""The shapes of bodies."""

from __future__ import annotations

from typing import Any

from functions.rest.models import NewStream, StreamChanges
from functions.rest.openapi.shapes import COUNT, NAME, SEQUENCE, TIME, TOKEN, closed, many, ref
from functions.rest.openapi.subscription_schemas import SUBSCRIPTION_SCHEMAS, SUMMARY
from functions.rest.problems import CODES

__all__ = ["schemas"]

# CloudEvents 1.0.2, 3.1: what an attribute may hold, as far as patterns of JSON Schema can say it.
_TEXT = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"
_URI = "^[A-Za-z0-9._~/-]{1,200}$"

_EPOCH: dict[str, Any] = {"type": "string", "pattern": "^[0-9a-f]{12}$", "description": "As it stands in cursors."}

_MISSING: dict[str, Any] = {
    "missing": many(closed({"stream": NAME, "first": SEQUENCE, "last": SEQUENCE}))
    | {
        "maxItems": 100,
        "description": (
            "What was removed, by retention or deletion, before the reader came to it, since it began to read: whether "
            "it would have been selected or not. Only there if anything is missing."
        ),
    },
    "missing_more": {"const": True, "description": "More is missing than is told, or than is remembered."},
    "gone": many(NAME) | {"description": "Streams that the call names and that were deleted for good since then."},
}


def schemas() -> dict[str, Any]:
    """All of them, by name."""
    new_stream = NewStream.model_json_schema(ref_template="#/components/schemas/{model}")
    changes = StreamChanges.model_json_schema(ref_template="#/components/schemas/{model}") | {"minProperties": 1}
    return {
        "CloudEvent": _event(),
        "RecordedEvent": _recorded(),
        "Batch": {"type": "array", "items": ref("RecordedEvent")},
        "Result": closed(
            {"stream": NAME, "sequence": SEQUENCE, "id": {"type": "string"}, "duplicate": {"type": "boolean"}}
        ),
        "Results": closed({"results": {"type": "array", "items": ref("Result")}}),
        "EventPage": closed(
            {"cursor": TOKEN, **_MISSING, "events": ref("Batch"), "next": TOKEN}, optional=(*_MISSING, "next")
        ),
        "StreamPage": closed(
            {"stream": NAME, "head": COUNT, **_MISSING, "events": ref("Batch"), "next": TOKEN},
            optional=(*_MISSING, "next"),
        ),
        "Stream": _stream(),
        "Streams": closed({"streams": {"type": "array", "items": ref("Stream")}, "next": TOKEN}, optional=("next",)),
        **new_stream.pop("$defs"),
        "NewStream": new_stream,
        **changes.pop("$defs"),
        "StreamChanges": changes,
        **SUBSCRIPTION_SCHEMAS,
        "Health": closed({"status": {"const": "ok"}, "version": {"type": "string"}}),
        "Stats": _stats(),
        "Renewed": closed({"partitions": many(closed({"partition": COUNT, "epoch": _EPOCH}))}),
        "Problem": _problem(),
    }


def _event() -> dict[str, Any]:
    text = {"type": "string", "pattern": _TEXT}
    return {
        "type": "object",
        "description": "A CloudEvent 1.0 in the JSON format. Extensions that start with `hub` are the hub's.",
        "required": ["specversion", "id", "source", "type"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text,
            "source": {"type": "string", "pattern": _URI, "description": "A URI reference."},
            "type": text,
            "subject": text,
            "time": TIME,
            "datacontenttype": {"type": "string", "pattern": "^[a-z]{1,20}/[a-z0-9.+-]{1,40}$"},
            "dataschema": {"type": "string", "pattern": "^https?://[a-z0-9./-]{1,100}$"},
            "tenantid": NAME | {"maxLength": 60},
            "workflowid": NAME | {"maxLength": 60},
            "executionid": text,
            "data": {"description": "Any JSON value."},
            "data_base64": {"type": "string", "contentEncoding": "base64"},
        },
        "not": {"required": ["data", "data_base64"]},
        "propertyNames": {"pattern": "^(?:[a-z0-9]+|data_base64)$"},
        "additionalProperties": {
            "anyOf": [
                {"type": ["string", "boolean", "null"]},
                {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
            ]
        },
        "examples": [
            {
                "specversion": "1.0",
                "id": "1",
                "source": "/engine",
                "type": "io.flunq.workflow.started",
                "workflowid": "wf-1",
                "data": {"total": 12.50},
            }
        ],
    }


def _recorded() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "An event as published, and what the hub adds.",
        "required": ["specversion", "id", "source", "type", "hubstream", "hubsequence", "hubtime"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "minLength": 1},
            "source": {"type": "string", "minLength": 1},
            "type": {"type": "string", "minLength": 1},
            "hubstream": NAME,
            "hubsequence": {"type": "string", "pattern": "^[1-9][0-9]*$", "description": "Per stream, from 1."},
            "hubtime": TIME | {"description": "When it was stored."},
        },
    }


def _stream() -> dict[str, Any]:
    return closed(
        {
            "id": NAME,
            "head": COUNT | {"description": "The sequence of the newest event ever stored; 0 if there was none."},
            "first": SEQUENCE | {"description": "The sequence of the oldest event kept; head + 1 if none is."},
            "count": COUNT,
            "bytes": COUNT,
            "created": TIME,
            "updated": TIME,
            "retention": closed({"max_age": SEQUENCE, "max_events": SEQUENCE}, optional=("max_age", "max_events")),
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        }
    )


def _stats() -> dict[str, Any]:
    newest = {"type": ["string", "null"], "format": "date-time"}
    partition = {"partition": COUNT, "streams": COUNT, "appends": COUNT, "newest": newest}
    return closed(
        {
            "partitions": SEQUENCE,
            "streams": COUNT,
            "appends": COUNT | {"description": "Publishes whose events are kept, in whole or in part."},
            "newest": newest,
            "by_partition": many(closed(partition)),
            "subscriptions": many(SUMMARY) | {"description": "Durable ones, and how they stand."},
        },
        # Of what is counted over all streams, a credential for some of them is told nothing.
        optional=("streams", "appends", "newest", "by_partition"),
    )


def _problem() -> dict[str, Any]:
    place = {"pointer": {"type": "string"}, "detail": {"type": "string"}}
    candidate = {"stream": NAME, "source": {"type": "string"}}
    return {
        "type": "object",
        "description": "Problem details (RFC 9457). Branch on `code`, which is stable; show `detail` to a person.",
        "required": ["type", "title", "detail", "code"],
        "properties": {
            "type": {"type": "string", "pattern": "^urn:flunq:problem:"},
            "title": {"type": "string"},
            "status": {"type": "integer", "description": "Absent from a few of the gateway's own problems."},
            "detail": {"type": "string"},
            "code": {"enum": CODES},
            "errors": {
                "type": "array",
                "items": closed(place),
                "description": "Where in the body (RFC 6901), or which parameter or header.",
            },
            "stream": NAME,
            "expected": COUNT,
            "actual": COUNT,
            "version": {"type": "string", "description": "Of a subscription: its ETag, without the quotes."},
            "sequence": SEQUENCE,
            "index": COUNT,
            "position": COUNT | {"description": "The character of the expression, from 0, at which it breaks a rule."},
            "candidates": {"type": "array", "items": closed(candidate)},
            "results": {"type": "array", "items": {"oneOf": [ref("Result"), {"type": "null"}]}},
        },
    }
