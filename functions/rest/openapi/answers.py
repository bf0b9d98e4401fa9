"""The answers of calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from functions.rest.openapi.shapes import ref
from functions.rest.problems import TITLES

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
    detail: str
    headers: Mapping[str, Any] = field(default_factory=dict)


_STATUSES: Mapping[int, _Answer] = {
    400: _Answer("Malformed", "The request is malformed.", "malformed", "the body is not JSON: line 1"),
    401: _Answer(
        "Unauthorized",
        "There is no credential, or it is not valid.",
        "unauthorized",
        "send a valid token or key: Authorization: Bearer ..., or X-Api-Key",
    ),
    403: _Answer(
        "Forbidden",
        "The credential does not permit this: it lacks a scope, or does not cover the stream.",
        "forbidden",
        "the credential has no scope for this call",
    ),
    404: _Answer("NotFound", "What the path names does not exist.", "stream-not-found", "there is no stream wf-1"),
    409: _Answer(
        "Conflict",
        "The store holds something else. Nothing was changed.",
        "event-conflict",
        "the stream wf-1 holds another event of this source and id at sequence 7",
    ),
    410: _Answer(
        "Gone",
        "It was permanently deleted, or the store was reset.",
        "stream-gone",
        "the stream wf-1 was permanently deleted",
    ),
    412: _Answer(
        "WrongVersion",
        "The condition does not hold: a stream ends at `actual`, a subscription is at `version`. Nothing was changed.",
        "wrong-expected-version",
        "the stream wf-1 ends at 7",
    ),
    413: _Answer(
        "TooLarge",
        "The request has too many events, too many bytes, or an event whose attributes are too large.",
        "too-large",
        "a publish takes 1000 events at most",
    ),
    415: _Answer(
        "UnsupportedMediaType",
        "The media type of the body is not supported, or its encoding is neither gzip nor deflate.",
        "unsupported-media-type",
        "send application/json",
    ),
    422: _Answer(
        "Invalid",
        "The request is invalid; `errors` lists where.",
        "invalid-query",
        "limit must be from 1 to 1000",
    ),
    500: _Answer("Failed", "The hub failed.", "internal", "the hub failed; its log has the details"),
    503: _Answer(
        "Unavailable",
        "The hub or its store is unavailable for now. It is safe to send the request again later.",
        "store-unavailable",
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
        "title": TITLES[answer.code],
        "status": status,
        "detail": answer.detail,
        "code": answer.code,
    }
    content = {"application/problem+json": {"schema": ref("Problem"), "example": example}}
    return {"description": answer.description, "headers": dict(answer.headers), "content": content}


RESPONSES: dict[str, Any] = {answer.name: _response(status, answer) for status, answer in _STATUSES.items()}
