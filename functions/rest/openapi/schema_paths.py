"""The calls that concern schemas of event types."""

from __future__ import annotations

from typing import Any

from functions.rest.openapi.answers import NEXT, json, problems
from functions.rest.openapi.parameters import HEADERS, PATH, parameters
from functions.rest.openapi.shapes import body

__all__ = ["SCHEMA_PATHS"]

_ETAG: dict[str, Any] = {
    "ETag": {"schema": {"type": "string"}, "required": True, "description": "The version of the schema."}
}

_LIST: dict[str, Any] = {
    "operationId": "listSchemas",
    "summary": "List event types that have a schema",
    "description": "Those of the catalogue and those that were stored, in the order of their names.",
    "tags": ["schemas"],
    "parameters": parameters("listSchemas"),
    "responses": {"200": json("A page.", "EventSchemas", NEXT), **problems(422)},
}

_GET: dict[str, Any] = {
    "operationId": "getSchema",
    "summary": "Get the schema of an event type",
    "description": "What was stored for the type, else that of the catalogue, which has short names too.",
    "tags": ["schemas"],
    "parameters": parameters("getSchema", PATH["type"], HEADERS["IfNoneMatch"]),
    "responses": {
        "200": json("The schema.", "EventSchema", _ETAG),
        "304": {"description": "The reader has the current version.", "headers": _ETAG},
        **problems(400, 404, 422),
    },
}

_PUT: dict[str, Any] = {
    "operationId": "putSchema",
    "summary": "Store the schema of an event type",
    "description": (
        "With `enforce`, events of the type whose data do not match are refused with 422 and `invalid-event`, by this "
        "process at once and by all others within 10 seconds. Stored events stay. The same definition again makes no "
        "new version."
    ),
    "tags": ["schemas"],
    "parameters": parameters("putSchema", PATH["type"], HEADERS["IfSchema"], HEADERS["IfNoSchema"]),
    "requestBody": body("SchemaDefinition"),
    "responses": {
        "201": json("Stored.", "EventSchema", _ETAG),
        "200": json("It was stored before, and has this definition.", "EventSchema", _ETAG),
        **problems(400, 412, 413, 415, 422),
    },
}

_DELETE: dict[str, Any] = {
    "operationId": "deleteSchema",
    "summary": "Delete the stored schema of an event type",
    "description": "The schemas of the catalogue stay.",
    "tags": ["schemas"],
    "parameters": parameters("deleteSchema", PATH["type"], HEADERS["IfSchema"]),
    "responses": {"204": {"description": "Deleted."}, **problems(400, 404, 412, 422)},
}

SCHEMA_PATHS: dict[str, Any] = {
    "/api/v1/schemas": {"get": _LIST},
    "/api/v1/schemas/{type}": {"get": _GET, "put": _PUT, "delete": _DELETE},
}
