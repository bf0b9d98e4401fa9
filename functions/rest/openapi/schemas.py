"""The schemas of bodies: of requests from the models that check them, of answers as they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from functions.rest import filter_models, models, subscription_models
from functions.rest.openapi.events import EVENT_SCHEMAS
from functions.rest.openapi.shapes import COUNT, MISSING_RANGE, NAME, RESULT, SEQUENCE, TIME, TOKEN, closed, many, ref
from functions.rest.openapi.subscription_schemas import SUBSCRIPTION_SCHEMAS, SUMMARY
from functions.rest.problems import CODES

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["schemas"]

_EPOCH: dict[str, Any] = {"type": "string", "pattern": "^[0-9a-f]{12}$", "description": "As it stands in cursors."}

_MISSING: dict[str, Any] = {
    "missing": many(closed(MISSING_RANGE))
    | {
        "maxItems": 100,
        "description": (
            "What was removed, by retention or deletion, before the reader came to it, since it began to read: whether "
            "it would have been selected or not. Only there if anything is missing."
        ),
    },
    "missing_more": {
        "type": "boolean",
        "const": True,
        "description": "More is missing than is told, or than is remembered.",
    },
    "gone": many(NAME) | {"description": "Streams that the call names and that were deleted for good since then."},
}


def schemas() -> dict[str, Any]:
    """All of them, by name."""
    return {
        **EVENT_SCHEMAS,
        **_bodies(),
        "Batch": {"type": "array", "items": ref("RecordedEvent")},
        "Result": closed(RESULT),
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
        **SUBSCRIPTION_SCHEMAS,
        "NamedFilter": _named_filter(),
        "NamedFilters": closed({"filters": many(ref("NamedFilter")), "next": TOKEN}, optional=("next",)),
        "Health": closed({"status": {"type": "string", "const": "ok"}, "version": {"type": "string"}}),
        "Stats": _stats(),
        "Renewed": closed({"partitions": many(closed({"partition": COUNT, "epoch": _EPOCH}))}),
        "Problem": _problem(),
    }


def _bodies() -> dict[str, Any]:
    """The schemas of the bodies of requests, as pydantic makes them from the models that check those."""
    bodies: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (model, "validation") for model in (*models.MODELS, *subscription_models.MODELS, *filter_models.MODELS)
    ]
    _, schema = models_json_schema(bodies, ref_template="#/components/schemas/{model}")
    found: dict[str, Any] = schema["$defs"]
    for name in ("NewSubscription", "SubscriptionChanges", "FilterDefinition"):
        # The core checks filters, so the models do not know their schema.
        found[name]["properties"]["filters"]["items"] = ref("Filter")
    return found


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


def _named_filter() -> dict[str, Any]:
    return closed(
        {
            "id": NAME,
            "filters": many(ref("Filter")) | {"description": "An event must match all of them."},
            "version": SEQUENCE | {"description": "Counts its definitions, from 1."},
            "created": TIME,
            "updated": TIME,
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
            "code": {"type": "string", "enum": CODES},
            "errors": {
                "type": "array",
                "items": closed(place),
                "description": "Where in the body (RFC 6901), or which parameter or header.",
            },
            "stream": NAME,
            "expected": COUNT,
            "actual": COUNT,
            "filter": NAME,
            "version": {"type": "string", "description": "Of a subscription or filter: its ETag, without the quotes."},
            "sequence": SEQUENCE,
            "index": COUNT,
            "position": COUNT | {"description": "The character of the expression, from 0, at which it breaks a rule."},
            "candidates": {"type": "array", "items": closed(candidate)},
            "results": {"type": "array", "items": {"oneOf": [ref("Result"), {"type": "null"}]}},
        },
    }
