"""The schemas that messages share; those of events and filters are the OpenAPI document's."""

from __future__ import annotations

from typing import Any

from functions.rest.openapi.events import EVENT_SCHEMAS
from functions.rest.openapi.filters import FILTER_SCHEMA
from functions.rest.openapi.shapes import COUNT, MISSING_RANGE, NAME, RESULT, SEQUENCE, many, opened, ref

__all__ = ["CURSOR_EXAMPLE", "LOST", "PROBLEM", "RECOVERY", "SCHEMAS"]

_TEXT: dict[str, Any] = {"type": "string"}
CURSOR_EXAMPLE = "MS4wLjEyMw"


LOST: dict[str, Any] = {
    "missing": many(ref("MissingRange")) | {"maxItems": 100, "description": "What was removed and not received."},
    "missing_more": {"type": "boolean", "const": True, "description": "More is missing than `missing` names."},
}
"""Members that say what a subscriber will not receive."""

RECOVERY: dict[str, Any] = {
    "recovery": {
        "type": "string",
        "enum": ["complete", "truncated", "new-epoch"],
        "description": "`truncated`: events were removed since the cursor. `new-epoch`: the store was made anew.",
    },
    "partitions": many(COUNT) | {"description": "The numbers of the partitions concerned."},
    **LOST,
    "renewed": many(COUNT) | {"description": "With `new-epoch`: the partitions that start from their beginning."},
}
"""Members that say how a subscription has begun; the last three are optional."""

PROBLEM: dict[str, Any] = {
    "code": _TEXT | {"description": "Stable; docs/protocol.md has a table of them.", "examples": ["invalid-filter"]},
    "detail": _TEXT | {"description": "For a person."},
    "pointer": _TEXT | {"description": "The place in the message (RFC 6901)."},
    "position": {
        "type": ["integer", "null"],
        "minimum": 0,
        "description": "Of `invalid-filter`: the character of the expression in SQL; null elsewhere in a filter.",
    },
    "stream": NAME | {"description": "Of `wrong-expected-version` and `event-conflict`."},
    "actual": COUNT | {"description": "Of `wrong-expected-version`: where the stream ends."},
    "sequence": SEQUENCE | {"description": "Of `event-conflict`: of the event that the stream holds."},
    "index": COUNT | {"description": "Of `event-conflict`: of the event in the message."},
    "results": {
        "type": "array",
        "items": {"oneOf": [ref("Result"), {"type": "null"}]},
        "description": "Of a publish to several streams that failed between them; null for what was not stored.",
    },
}
"""Members of an error; all but `code` and `detail` are optional."""

SCHEMAS: dict[str, Any] = {
    **EVENT_SCHEMAS,
    "Filter": FILTER_SCHEMA,
    # The hub may add members to what it sends: clients ignore those that they do not know.
    "MissingRange": opened(MISSING_RANGE),
    "Result": opened(RESULT),
}
"""By the names that references have."""
