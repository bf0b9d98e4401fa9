"""What went wrong, as clients are told: problem details (RFC 9457) with a stable code each."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from eventstore import errors
from functions.rest.responses import Answer, published

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.write.publisher import PartlyPublished

__all__ = [
    "CODES",
    "GATEWAY_CODES",
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
    """A JSON body breaks the rules of its call, perhaps in several places.

    Attributes:
        places: The pointer (RFC 6901) and the reason of each.
    """

    code = "invalid-body"

    def __init__(self, places: Sequence[tuple[str, str]]) -> None:
        pointer, detail = places[0]
        super().__init__(f"the body breaks a rule: {pointer or 'it'}: {detail}", pointer=pointer)
        self.places = places


_KINDS: Mapping[type[errors.EventstoreError], tuple[int, str]] = {
    errors.Malformed: (400, "The request cannot be read"),
    errors.UnsupportedMediaType: (415, "Unsupported media type"),
    errors.InvalidEvent: (422, "The event breaks a rule"),
    errors.InvalidStream: (422, "The stream's name or settings break a rule"),
    errors.InvalidQuery: (422, "A parameter or header breaks a rule"),
    errors.InvalidFilter: (422, "The filter breaks a rule"),
    errors.InvalidCursor: (422, "The cursor cannot be used here"),
    InvalidBody: (422, "The body breaks a rule"),
    errors.TooLarge: (413, "More than is taken at once"),
    errors.WrongExpectedVersion: (412, "The stream is at another version"),
    errors.WrongSubscriptionVersion: (412, "The subscription is at another version"),
    errors.EventConflict: (409, "Another event has this source and id"),
    errors.StreamConflict: (409, "The stream exists with other settings"),
    errors.SubscriptionConflict: (409, "The subscription exists with another definition"),
    errors.AmbiguousEvent: (409, "Several events have this id"),
    errors.StreamNotFound: (404, "There is no such stream"),
    errors.EventNotFound: (404, "There is no such event"),
    errors.SubscriptionNotFound: (404, "There is no such subscription"),
    errors.NothingParked: (404, "Nothing is parked there"),
    errors.StreamGone: (410, "The stream was deleted for good"),
    errors.NewEpoch: (410, "The store was made anew"),
    errors.Forbidden: (403, "The credential does not reach that far"),
    errors.StoreUnavailable: (503, "The store does not answer"),
    errors.StoreFull: (503, "The store is full"),
    errors.QueueUnavailable: (503, "A queue does not answer"),
    errors.PartitionMismatch: (503, "The store was made with another number of partitions"),
    errors.FormatMismatch: (503, "The store has another format"),
}
_FALLBACKS: Mapping[type[errors.EventstoreError], tuple[int, str]] = {
    errors.Invalid: (422, "The request breaks a rule"),
    errors.Conflict: (409, "The store holds something else"),
    errors.Absent: (404, "It is not there"),
    errors.Refused: (403, "It is not for this credential"),
    errors.Unavailable: (503, "Not now"),
    errors.EventstoreError: (500, "Something went wrong"),
}
_RETRY_AFTER = {"Retry-After": "1"}

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
"""Every code of a problem that the gateway answers by itself (template.yaml, gateway responses)."""

CODES = sorted(
    {kind.code for kind in _KINDS} | {"foreign-origin", "not-found", "method-not-allowed", "internal"} | GATEWAY_CODES
)
"""Every code that a problem may have."""


def of(error: errors.EventstoreError) -> Answer:
    """The problem that an error of the hub is."""
    return _problem(error, {})


def partly_published(error: PartlyPublished) -> Answer:
    """The problem that stopped a publish, and what was stored before it did."""
    results = {"results": [result and published(result) for result in error.results]}
    cause = error.__cause__
    if isinstance(cause, errors.EventstoreError):
        return _problem(cause, results)
    return _internal(cause or error, results)


def internal(error: Exception) -> Answer:
    """A fault of the hub's own: logged in full, and told without its insides."""
    return _internal(error, {})


def no_such_route(path: str) -> Answer:
    """Nothing is at the path."""
    return _answer(404, "not-found", "Not found", f"there is nothing at {path[:200]}; see /api/v1/docs")


def foreign_origin(origin: str) -> Answer:
    """A preflight of a page whose origin the setting does not name."""
    detail = f"pages of {origin[:200]!r} may not call this hub; its setting AllowedOrigins names those that may"
    return _answer(403, "foreign-origin", "Origin not allowed", detail)


def method_not_allowed(method: str, path: str, *, allowed: Sequence[str]) -> Answer:
    """The path takes other methods; RFC 9110, 15.5.6 wants them named."""
    allow = ", ".join(allowed)
    detail = f"{path[:200]} does not take {method[:20]}; it takes {allow}"
    return _answer(405, "method-not-allowed", "The method is not taken here", detail, headers={"Allow": allow})


def _problem(error: errors.EventstoreError, extra: Mapping[str, object]) -> Answer:
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


def _members(error: errors.EventstoreError) -> Mapping[str, object]:
    """The extension members of a problem (RFC 9457, 3.2)."""
    match error:
        case InvalidBody():
            return {"errors": [{"pointer": pointer, "detail": detail} for pointer, detail in error.places]}
        case errors.Invalid() | errors.Forbidden() if error.pointer:
            position = error.position if isinstance(error, errors.InvalidFilter) else None
            place = {"errors": [{"pointer": error.pointer, "detail": error.detail}]}
            return place if position is None else {**place, "position": position}
        case errors.WrongExpectedVersion():
            expected = {} if error.expected is None else {"expected": error.expected}
            return {"stream": error.stream, **expected, "actual": error.actual}
        case errors.WrongSubscriptionVersion():
            return {"subscription": error.name, "version": error.actual}
        case errors.EventConflict():
            return {"stream": error.stream, "sequence": error.sequence, "index": error.index}
        case errors.AmbiguousEvent():
            found: Mapping[str, object] = {
                "candidates": [{"stream": s, "source": source} for s, source in error.candidates]
            }
        case _:
            found = {}
    return found


def _internal(error: BaseException, extra: Mapping[str, object]) -> Answer:
    # The runtime stamps each line with the request's id, which API Gateway gives the client as x-amzn-RequestId.
    _LOGGER.error("a request failed", exc_info=error)
    return _answer(500, "internal", "The hub failed", "the fault is the hub's; its log has the details", extra=extra)


def _answer(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    extra: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    members = {"type": f"urn:flunq:problem:{code}", "title": title, "status": status, "detail": detail, "code": code}
    # Input is quoted in details: escapes keep a lone surrogate in it from breaking the answer.
    body = json.dumps({**members, **(extra or {})}, separators=(",", ":"))
    return Answer(status, "application/problem+json", body, headers=headers)
