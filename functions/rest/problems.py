"""Errors as problem details (RFC 9457), each with a stable code."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from eventstore import errors
from functions.rest.responses import Answer, published

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.write.publisher import PartlyPublished
    from functions.answers.problems import Problem, ProblemMembers

__all__ = [
    "CODES",
    "GATEWAY_CODES",
    "TITLES",
    "InvalidBody",
    "foreign_origin",
    "internal",
    "method_not_allowed",
    "no_such_route",
    "of",
    "partly_published",
]

_LOGGER = logging.getLogger(__name__)


class InvalidBody(errors.Invalid):
    """A JSON body violates the rules of its call in one or more places.

    Attributes:
        places: The pointer (RFC 6901) and the reason for each.
    """

    code = "invalid-body"

    def __init__(self, places: Sequence[tuple[str, str]]) -> None:
        pointer, detail = places[0]
        super().__init__(
            f"invalid body: {pointer}: {detail}" if pointer else f"invalid body: {detail}", pointer=pointer
        )
        self.places = places


_KINDS: Mapping[type[errors.EventstoreError], tuple[int, str]] = {
    errors.Malformed: (400, "Malformed request"),
    errors.UnsupportedMediaType: (415, "Unsupported media type"),
    errors.InvalidEvent: (422, "Invalid event"),
    errors.InvalidStream: (422, "Invalid stream name or settings"),
    errors.InvalidQuery: (422, "Invalid parameter or header"),
    errors.InvalidFilter: (422, "Invalid filter"),
    errors.InvalidSchema: (422, "Invalid schema"),
    errors.InvalidTarget: (422, "Invalid target"),
    errors.InvalidCursor: (422, "Invalid cursor"),
    InvalidBody: (422, "Invalid body"),
    errors.TargetNotAllowed: (422, "Target not allowed"),
    errors.NotSupported: (501, "Not supported by the store"),
    errors.TooLarge: (413, "Payload too large"),
    errors.WrongExpectedVersion: (412, "Stream version does not match"),
    errors.WrongSubscriptionVersion: (412, "Subscription version does not match"),
    errors.WrongFilterVersion: (412, "Filter version does not match"),
    errors.WrongSchemaVersion: (412, "Schema version does not match"),
    errors.EventConflict: (409, "Event exists with other content"),
    errors.StreamConflict: (409, "Stream exists with other settings"),
    errors.SubscriptionConflict: (409, "Subscription exists with another definition"),
    errors.SubscriptionHasMembers: (409, "Subscription has members"),
    errors.FilterInUse: (409, "Filter is in use"),
    errors.AmbiguousEvent: (409, "Event id is not unique"),
    errors.StreamNotFound: (404, "Stream not found"),
    errors.EventNotFound: (404, "Event not found"),
    errors.SubscriptionNotFound: (404, "Subscription not found"),
    errors.FilterNotFound: (404, "Filter not found"),
    errors.SchemaNotFound: (404, "Schema not found"),
    errors.NothingParked: (404, "Nothing is parked"),
    errors.ConnectionNotFound: (404, "Connection not found"),
    errors.StreamGone: (410, "Stream was permanently deleted"),
    errors.NewEpoch: (410, "Store was reset"),
    errors.Unauthorized: (401, "No valid credential"),
    errors.Forbidden: (403, "Permission denied"),
    errors.StoreUnavailable: (503, "Store unavailable"),
    errors.OutcomeUnknown: (503, "Outcome unknown"),
    errors.StoreFull: (503, "Store is full"),
    errors.StoreClosed: (503, "Store is closed for writing"),
    errors.QueueUnavailable: (503, "Queue unavailable"),
    errors.PartitionMismatch: (503, "Partition count does not match"),
    errors.ShardMismatch: (503, "Shard count does not match"),
    errors.FormatMismatch: (503, "Store format is not supported"),
    errors.BackendMismatch: (503, "Backend does not match"),
    errors.IndexDiverged: (503, "Index does not follow its journal"),
}
_FALLBACKS: Mapping[type[errors.EventstoreError], tuple[int, str]] = {
    errors.Invalid: (422, "Invalid request"),
    errors.Conflict: (409, "Conflict"),
    errors.Absent: (404, "Not found"),
    errors.Refused: (403, "Permission denied"),
    errors.Unavailable: (503, "Service unavailable"),
    errors.EventstoreError: (500, "Internal error"),
}
_RETRY_AFTER = {"Retry-After": "1"}
_INTERNAL = "Internal error"

TITLES: Mapping[str, str] = {kind.code: title for kind, (_, title) in _KINDS.items()} | {"internal": _INTERNAL}
"""The titles of problems, by their codes."""

GATEWAY_CODES = frozenset(
    {
        "bad-request",
        "forbidden",
        "internal",
        "not-found",
        "throttled",
        "timeout",
        "too-large",
        "unauthorized",
        "unsupported-media-type",
    }
)
"""The codes of the problems that API Gateway itself returns (template.yaml, gateway responses)."""

CODES = sorted(
    {kind.code for kind in _KINDS} | {"foreign-origin", "not-found", "method-not-allowed", "internal"} | GATEWAY_CODES
)
"""The codes of all problems."""


def of(error: errors.EventstoreError) -> Answer:
    """Return an error of the hub as a problem."""
    return _problem(error, {})


def partly_published(error: PartlyPublished) -> Answer:
    """Return the error that stopped a publish as a problem, with the results of the events stored before it."""
    results: ProblemMembers = {"results": [None if result is None else published(result) for result in error.results]}
    cause = error.__cause__
    if isinstance(cause, errors.EventstoreError):
        return _problem(cause, results)
    return _internal(cause or error, results)


def internal(error: Exception) -> Answer:
    """Log an unexpected error in full, and return a problem that reveals nothing of it."""
    return _internal(error, {})


def no_such_route(path: str) -> Answer:
    """Return the problem that no route matches the path."""
    return _answer(404, "not-found", "Not found", f"no route matches {path[:200]}; /api/v1/docs lists all routes")


def foreign_origin(origin: str) -> Answer:
    """Return the problem of a preflight from an origin that the setting does not list."""
    detail = f"origin {origin[:200]!r} is not allowed; the setting AllowedOrigins lists the allowed origins"
    return _answer(403, "foreign-origin", "Origin not allowed", detail)


def method_not_allowed(method: str, path: str, *, allowed: Sequence[str]) -> Answer:
    """Return the problem that the path does not support the method; RFC 9110, 15.5.6 requires the allowed ones.

    Args:
        method: The request's method.
        path: The request's path.
        allowed: The methods that the path supports.
    """
    allow = ", ".join(allowed)
    detail = f"{path[:200]} does not support {method[:20]}; supported: {allow}"
    return _answer(405, "method-not-allowed", "Method not allowed", detail, headers={"Allow": allow})


def _problem(error: errors.EventstoreError, extra: ProblemMembers) -> Answer:
    status, title = _kind(type(error))
    if isinstance(error, errors.Unavailable):
        _LOGGER.warning("%s: %s", error.code, error.detail)
    return _answer(
        status,
        error.code,
        title,
        error.detail,
        extra={**_members(error), **extra},
        headers=_RETRY_AFTER if isinstance(error, errors.Unavailable) else None,
    )


def _kind(kind: type[errors.EventstoreError]) -> tuple[int, str]:
    return next(table[base] for table in (_KINDS, _FALLBACKS) for base in kind.__mro__ if base in table)


def _members(error: errors.EventstoreError) -> ProblemMembers:
    """Return the extension members of a problem (RFC 9457, 3.2)."""
    match error:
        case InvalidBody():
            return {"errors": [{"pointer": pointer, "detail": detail} for pointer, detail in error.places]}
        case errors.Invalid() | errors.Forbidden() if error.pointer:
            position = error.position if isinstance(error, errors.InvalidFilter) else None
            place: ProblemMembers = {"errors": [{"pointer": error.pointer, "detail": error.detail}]}
            return place if position is None else {**place, "position": position}
        case errors.WrongExpectedVersion():
            expected: ProblemMembers = {} if error.expected is None else {"expected": error.expected}
            return {"stream": error.stream, **expected, "actual": error.actual}
        case errors.WrongSubscriptionVersion():
            return {"subscription": error.name, "version": error.actual}
        case errors.EventConflict():
            return {"stream": error.stream, "sequence": error.sequence, "index": error.index}
        case errors.AmbiguousEvent():
            members: ProblemMembers = {
                "candidates": [{"stream": stream, "source": source} for stream, source in error.candidates]
            }
        case errors.WrongFilterVersion():
            version: ProblemMembers = {"version": error.actual} if error.actual else {}
            members = {"filter": error.name, **version}
        case errors.WrongSchemaVersion():
            schema_version: ProblemMembers = {"version": error.actual} if error.actual else {}
            members = {"event_type": error.name, **schema_version}
        case errors.FilterInUse():
            user: ProblemMembers = {"subscription": error.subscription} if error.subscription else {}
            members = {"filter": error.name, **user}
        case _:
            members = {}
    return members


def _internal(error: BaseException, extra: ProblemMembers) -> Answer:
    # Lambda adds the request's id to each log line; API Gateway returns it to the client as x-amzn-RequestId.
    _LOGGER.error("a request failed", exc_info=error)
    return _answer(500, "internal", _INTERNAL, "the hub failed; its log has the details", extra=extra)


def _answer(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    extra: ProblemMembers | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    problem: Problem = {
        "type": f"urn:flunq:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        **(extra or {}),
    }
    # Details quote input, which may contain a lone surrogate: json.dumps escapes it, so that the body can be encoded.
    return Answer(status, "application/problem+json", json.dumps(problem, separators=(",", ":")), headers=headers)
