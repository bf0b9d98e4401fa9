"""The calls that concern named filters."""

from __future__ import annotations

from typing import Any

from functions.rest.openapi.answers import NEXT, json, problems
from functions.rest.openapi.parameters import HEADERS, PATH, parameters
from functions.rest.openapi.shapes import body

__all__ = ["FILTER_PATHS"]

_ETAG: dict[str, Any] = {
    "ETag": {"schema": {"type": "string"}, "required": True, "description": "The version of the filter."}
}

_LIST: dict[str, Any] = {
    "operationId": "listFilters",
    "summary": "List named filters",
    "description": "In the order of their names.",
    "tags": ["filters"],
    "parameters": parameters("listFilters"),
    "responses": {"200": json("A page.", "NamedFilters", NEXT), **problems(422)},
}

_GET: dict[str, Any] = {
    "operationId": "getFilter",
    "summary": "Get a named filter",
    "tags": ["filters"],
    "parameters": parameters("getFilter", PATH["filter"], HEADERS["IfNoneMatch"]),
    "responses": {
        "200": json("The filter.", "NamedFilter", _ETAG),
        "304": {"description": "The reader has the current version.", "headers": _ETAG},
        **problems(400, 404, 422),
    },
}

_PUT: dict[str, Any] = {
    "operationId": "putFilter",
    "summary": "Create or replace a named filter",
    "description": (
        "Durable subscriptions that name it are changed as by `PATCH`: they keep their place, and each partition goes "
        "by the new definition from its next turn on. Reads use the filter as it is then; subscriptions of a "
        "connection as it was when they started. The same filter again makes no new version."
    ),
    "tags": ["filters"],
    "parameters": parameters("putFilter", PATH["filter"], HEADERS["IfFilter"], HEADERS["IfNoFilter"]),
    "requestBody": body("FilterDefinition"),
    "responses": {
        "201": json("Created.", "NamedFilter", _ETAG),
        "200": json("It exists, and has this definition.", "NamedFilter", _ETAG),
        **problems(400, 412, 413, 415, 422),
    },
}

_DELETE: dict[str, Any] = {
    "operationId": "deleteFilter",
    "summary": "Delete a named filter",
    "description": "It is refused with 409 and `filter-in-use` as long as a durable subscription names the filter.",
    "tags": ["filters"],
    "parameters": parameters("deleteFilter", PATH["filter"], HEADERS["IfFilter"]),
    "responses": {"204": {"description": "Deleted."}, **problems(400, 404, 409, 412, 422)},
}

FILTER_PATHS: dict[str, Any] = {
    "/api/v1/filters": {"get": _LIST},
    "/api/v1/filters/{filter}": {"get": _GET, "put": _PUT, "delete": _DELETE},
}
