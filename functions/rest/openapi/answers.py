"""The answers of calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from functions.rest.openapi.shapes import ref

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ETAG", "LINK", "MISSING", "NEXT", "RESPONSES", "json", "problems"]

_TEXT: dict[str, Any] = {"schema": {"type": "string"}}

ETAG: dict[str, Any] = {
    "ETag": _TEXT | {"required": True, "description": "The stream's version: `<head>.<first>.<epoch>`, in quotes."}
}
NEXT: dict[str, Any] = {
    "Link": _TEXT | {"description": 'Where the next page is (RFC 8288, `rel="next"`), if there is one.'}
}
LINK: dict[str, Any] = {**NEXT, "Vary": _TEXT | {"required": True}}
MISSING: dict[str, Any] = {
    "Eventstore-Missing": _TEXT
    | {
        "description": (
            'Of a bare array: what `missing` says otherwise, as a list (RFC 9651) such as `"wf-1";first=5;last=9`.'
        )
    },
    "Eventstore-Missing-More": {
        "schema": {"type": "string", "const": "?1"},
        "description": "Of a bare array: more is missing than is listed.",
    },
    "Eventstore-Gone": _TEXT | {"description": "Of a bare array: what `gone` says otherwise, as a list of names."},
}


@dataclass(frozen=True, slots=True)
class _Answer:
    """A problem as calls answer it: one of its codes and details stands in the document as an example."""

    name: str
    description: str
    code: str
    title: str
    detail: str
    headers: Mapping[str, Any] = field(default_factory=dict)


_STATUSES: Mapping[int, _Answer] = {
    400: _Answer(
        "Malformed", "It cannot be read.", "malformed", "The request cannot be read", "the body is not JSON: line 1"
    ),
    401: _Answer(
        "Unauthorized",
        "There is no credential, or none that is valid.",
        "unauthorized",
        "No valid credential",
        "send a valid token or key: Authorization: Bearer ..., or X-Api-Key",
    ),
    403: _Answer(
        "Forbidden",
        "The credential does not reach that far: it lacks a scope, or the stream is not one of its own.",
        "forbidden",
        "The credential does not reach that far",
        "the credential has no scope for this call",
    ),
    404: _Answer(
        "NotFound", "It is not there.", "stream-not-found", "There is no such stream", "there is no stream wf-1"
    ),
    409: _Answer(
        "Conflict",
        "The store holds something else; nothing was changed.",
        "event-conflict",
        "Another event has this source and id",
        "the stream wf-1 holds another event of this source and id at sequence 7",
    ),
    410: _Answer(
        "Gone",
        "It was deleted for good, or the store was made anew.",
        "stream-gone",
        "The stream was deleted for good",
        "the stream wf-1 was deleted for good",
    ),
    412: _Answer(
        "WrongVersion",
        "The condition is not true: a stream ends at `actual`, a subscription is at `version`; nothing was changed.",
        "wrong-expected-version",
        "The stream is at another version",
        "the stream wf-1 ends at 7",
    ),
    413: _Answer(
        "TooLarge",
        "More than is taken at once: of events, of bytes, or of one event's attributes.",
        "too-large",
        "More than is taken at once",
        "a publish takes 1000 events at most",
    ),
    415: _Answer(
        "UnsupportedMediaType",
        "The body is in a format that is not read here, or in an encoding other than gzip and deflate.",
        "unsupported-media-type",
        "The body is in a format that is not read here",
        "send application/json",
    ),
    422: _Answer(
        "Invalid",
        "It breaks a rule; `errors` says where.",
        "invalid-query",
        "A parameter or header breaks a rule",
        "limit must be from 1 to 1000",
    ),
    500: _Answer(
        "Failed",
        "The fault is the hub's.",
        "internal",
        "The hub failed",
        "the fault is the hub's; its log has the details",
    ),
    503: _Answer(
        "Unavailable",
        "Not now; sending it again later is safe.",
        "store-unavailable",
        "The store does not answer",
        "the store does not answer",
        {"Retry-After": _TEXT | {"required": True}},
    ),
}


def json(description: str, schema: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    """A JSON document.

    Args:
        description: What it holds.
        schema: The name of its schema.
        headers: The headers of the response.
    """
    content = {"application/json": {"schema": ref(schema)}}
    return {"description": description, "content": content} | ({"headers": headers} if headers else {})


def problems(*statuses: int) -> dict[str, Any]:
    """References to the problems that a call may answer with, beside those of every call."""
    return {
        str(status): {"$ref": f"#/components/responses/{_STATUSES[status].name}"} for status in (*statuses, 500, 503)
    }


def _response(status: int, answer: _Answer) -> dict[str, Any]:
    example = {
        "type": f"urn:flunq:problem:{answer.code}",
        "title": answer.title,
        "status": status,
        "detail": answer.detail,
        "code": answer.code,
    }
    content = {"application/problem+json": {"schema": ref("Problem"), "example": example}}
    return {"description": answer.description, "headers": dict(answer.headers), "content": content}


RESPONSES: dict[str, Any] = {answer.name: _response(status, answer) for status, answer in _STATUSES.items()}
