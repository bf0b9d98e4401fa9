"""The answers of calls."""

from __future__ import annotations

from typing import Any

from functions.rest.openapi.shapes import ref

__all__ = ["ETAG", "LINK", "MISSING", "RESPONSES", "json", "problems"]

_TEXT: dict[str, Any] = {"schema": {"type": "string"}}

ETAG: dict[str, Any] = {
    "ETag": _TEXT | {"required": True, "description": "The stream's version: `<head>.<first>.<epoch>`, in quotes."}
}
LINK: dict[str, Any] = {
    "Link": _TEXT | {"description": 'Where the next page is (RFC 8288, `rel="next"`), if there is one.'},
    "Vary": _TEXT | {"required": True},
}
MISSING: dict[str, Any] = {
    "Eventstore-Missing": _TEXT
    | {
        "description": (
            'Of a bare array: what `missing` says otherwise, as a list (RFC 9651) such as `"wf-1";first=5;last=9`.'
        )
    },
    "Eventstore-Missing-More": {
        "schema": {"const": "?1"},
        "description": "Of a bare array: more is missing than is told.",
    },
    "Eventstore-Gone": _TEXT | {"description": "Of a bare array: what `gone` says otherwise, as a list of names."},
}

_STATUSES: dict[int, tuple[str, str, dict[str, Any]]] = {
    400: ("Malformed", "The request is malformed.", {}),
    404: ("NotFound", "It is not there.", {}),
    409: ("Conflict", "The store holds something else; nothing was changed.", {}),
    410: ("Gone", "It was deleted for good, or the store was made anew.", {}),
    412: (
        "WrongVersion",
        "The condition is not true: a stream ends at `actual`, a subscription is at `version`; nothing was changed.",
        {},
    ),
    413: ("TooLarge", "More than is taken at once: of events, of bytes, or of one event's attributes.", {}),
    415: ("UnsupportedMediaType", "The body is in a format that is not supported.", {}),
    422: ("Invalid", "It breaks a rule; `errors` says where.", {}),
    500: ("Failed", "The fault is the hub's.", {}),
    503: ("Unavailable", "Not now; sending it again later is safe.", {"Retry-After": _TEXT | {"required": True}}),
}


def json(description: str, schema: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    """A JSON document."""
    content = {"application/json": {"schema": ref(schema)}}
    return {"description": description, "content": content} | ({"headers": headers} if headers else {})


def problems(*statuses: int) -> dict[str, Any]:
    """References to the problems that a call may answer with, beside those of every call."""
    return {str(status): {"$ref": f"#/components/responses/{_STATUSES[status][0]}"} for status in (*statuses, 500, 503)}


RESPONSES: dict[str, Any] = {
    name: {
        "description": description,
        "headers": headers,
        "content": {"application/problem+json": {"schema": ref("Problem")}},
    }
    for name, description, headers in _STATUSES.values()
}
