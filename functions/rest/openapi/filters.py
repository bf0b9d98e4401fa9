"""The schema of a filter, in both documents; `eventstore.filters.parsing` checks filters."""

from __future__ import annotations

from typing import Any

from functions.rest.openapi.shapes import many, ref

__all__ = ["FILTER_SCHEMA"]

_VALUES: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "propertyNames": {"pattern": "^[a-z0-9]+$"},
    "additionalProperties": {"type": "string", "minLength": 1},
}
_FILTERS = many(ref("Filter")) | {"minItems": 1}

FILTER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "One dialect of the CloudEvents Subscriptions API and what it asks for.",
    "minProperties": 1,
    "maxProperties": 1,
    "properties": {
        "exact": _VALUES,
        "prefix": _VALUES,
        "suffix": _VALUES,
        "all": _FILTERS,
        "any": _FILTERS,
        "not": ref("Filter"),
        "sql": {"type": "string", "minLength": 1, "description": "CloudEvents SQL 1.0.0."},
    },
    "additionalProperties": False,
    "examples": [{"prefix": {"type": "io.flunq.task."}}],
}
