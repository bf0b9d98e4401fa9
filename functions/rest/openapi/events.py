"""The schema of CloudEvents as publishers send them, in both documents: declared, for an event is bytes and no type.

It accepts every event that the core's parser accepts. The parser alone refuses days that no calendar has, noncharacters
of Unicode, and a member that stands twice.
"""

from __future__ import annotations

from typing import Any

from eventstore.cloudevents.attributes import PATTERNS
from eventstore.cloudevents.json_format import BASE64_PATTERN
from functions.rest.openapi.shapes import TIME

__all__ = ["EVENT_SCHEMAS"]

_CONTROL = "\\u0000-\\u001f\\u007f-\\u009f"
_TEXT: dict[str, Any] = {"type": "string", "pattern": f"^[^{_CONTROL}]+$"}

# CloudEvents JSON format 1.0.2, 2.2: null is an attribute that is not set.
_UNSET = ["string", "null"]
_EXTENSION: dict[str, Any] = {
    "type": ["string", "boolean", "integer", "null"],
    "pattern": f"^[^{_CONTROL}]*$",
    "minimum": -(2**31),
    "maximum": 2**31 - 1,
}

# CloudEvents 1.0.2, 3.1: lower-case letters and digits; the prefix is the hub's.
_NO_NAME = "^(?!data_base64$)(?:$|hub|.*[^a-z0-9])"

_EVENT: dict[str, Any] = {
    "type": "object",
    "description": (
        "A CloudEvent 1.0 in the JSON format. Further members are extensions: strings, booleans and integers of 32 "
        "bits. Names that start with `hub` are the hub's."
    ),
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"type": "string", "enum": ["1.0"]},
        "id": _TEXT,
        "source": {
            "type": "string",
            "minLength": 1,
            "pattern": PATTERNS["source"],
            "description": "A URI reference (RFC 3986).",
            "examples": ["https://shop.example/orders"],
        },
        "type": _TEXT | {"examples": ["io.flunq.workflow.started"]},
        "subject": _TEXT | {"type": _UNSET},
        "time": TIME | {"type": _UNSET, "pattern": PATTERNS["time"]},
        "datacontenttype": {
            "type": _UNSET,
            "pattern": PATTERNS["datacontenttype"],
            "description": "The media type of the data (RFC 2046); without it, `application/json`.",
            "examples": ["application/json; charset=utf-8"],
        },
        "dataschema": {"type": _UNSET, "pattern": PATTERNS["dataschema"], "description": "A URI (RFC 3986)."},
        "tenantid": _EXTENSION
        | {"description": "Whose workflow it is. Where it names the stream, it is made as names are."},
        "workflowid": _EXTENSION | {"description": "Of which workflow; it names the stream, unless the call does."},
        "executionid": _EXTENSION | {"description": "Of which execution of the workflow."},
        "partitionkey": _EXTENSION | {"description": "Names the stream where nothing else does."},
        "data": {"description": "Any JSON value."},
        "data_base64": {"type": _UNSET, "contentEncoding": "base64", "pattern": f"^{BASE64_PATTERN}$"},
    },
    "not": {"required": ["data", "data_base64"], "properties": {"data_base64": {"type": "string"}}},
    "patternProperties": {_NO_NAME: {"type": "null"}},
    "additionalProperties": _EXTENSION,
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

EVENT_SCHEMAS: dict[str, Any] = {"CloudEvent": _EVENT}
"""By the names that references have."""
