"""One request, as API Gateway hands it over (proxy integration, payload format 1.0)."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from eventstore.errors import Forbidden, InvalidQuery, Malformed, TooLarge, UnsupportedMediaType
from functions.access import access_of
from functions.hub import hub

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from eventstore.access import Access

__all__ = ["MERGE_PATCH", "Request", "base_of", "caller_of", "json_body", "segment"]

MERGE_PATCH = "application/merge-patch+json"
"""RFC 7396."""

_SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}
"""RFC 9110, 9.2.1. What HEAD, OPTIONS and TRACE would be answered does not matter here."""

_PRECONDITIONS = {
    "if-match": "If-Match",
    "if-none-match": "If-None-Match",
    "if-unmodified-since": "If-Unmodified-Since",
}
"""Those that a method which changes something may have (RFC 9110, 13.1); it ignores If-Modified-Since and If-Range."""

_LONGEST_BODY = 1024 * 1024
"""Of a call in JSON; cursors of all partitions that a store may have are the most that one holds."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the routes need of a request.

    Attributes:
        path: As the client sent it, percent-encoded, without the stage.
        base: What stands before `path` in the client's URL: the stage, or nothing behind a custom domain.
        headers: By lower-case name; several lines of one name are joined as RFC 9110, 5.3 allows.
        query: Every value of each parameter, decoded.
        body: Byte for byte as the client sent it.
        seconds_left: Until the function is ended.
        access: What the caller may do.
    """

    path: str
    base: str
    headers: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    body: bytes
    seconds_left: float
    access: Access

    @classmethod
    def of(cls, event: Mapping[str, Any], context: LambdaContext, *, conditions: Collection[str] = ()) -> Request:
        """Read the event that a function is invoked with.

        Args:
            event: As API Gateway makes it.
            context: Lambda's.
            conditions: The headers with preconditions that a call which changes something honours, in lower case.

        Raises:
            Forbidden: As `caller_of` says.
            InvalidQuery: The call changes something on a condition that it cannot honour.
        """
        access = caller_of(event)
        headers = _headers(event)
        if event.get("httpMethod") not in _SAFE:
            _require_honoured(headers, conditions)
        path = event["path"]
        body = event.get("body") or ""
        return cls(
            path=path,
            base=base_of(event),
            headers=headers,
            query=event.get("multiValueQueryStringParameters") or {},
            body=b64decode(body) if event.get("isBase64Encoded") else body.encode(),
            seconds_left=context.get_remaining_time_in_millis() / 1000,
            access=access,
        )


def caller_of(event: Mapping[str, Any]) -> Access:
    """What the caller of a request may do, by the event that the function is invoked with.

    Raises:
        Forbidden: As `functions.access.access_of` says; or there are several credentials. The authorizer refuses those,
            but the gateway keeps its answer to one of the headers, and does not ask again for what stands in others.
    """
    access = access_of(event.get("requestContext") or {})
    if hub().settings.authorizes:
        bearers = {line.strip().partition(" ")[2].strip() for line in _lines(event, "authorization")}
        if len(bearers.union(_lines(event, "x-api-key"))) > 1:
            raise Forbidden("there are several credentials, which contradict each other; send one")
    return access


def json_body(request: Request, *others: str) -> bytes:
    """The body, if it says that it is JSON, or of one of the other media types.

    Raises:
        UnsupportedMediaType: It says something else, or nothing.
        TooLarge: It has more than 1 MiB.
    """
    essence = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    known = ("application/json", *others)
    if essence not in known:
        raise UnsupportedMediaType(
            (f"Content-Type {essence!r} is not supported" if essence else "the request has no Content-Type")
            + f"; send {' or '.join(known)}"
        )
    if len(request.body) > _LONGEST_BODY:
        raise TooLarge(f"the body is {len(request.body)} bytes long; {_LONGEST_BODY} are the most")
    return request.body


def segment(text: str) -> str:
    """A segment of the path, decoded: REST APIs hand paths over as they were sent.

    Raises:
        Malformed: What it percent-encodes is not UTF-8.
    """
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise Malformed(f"the path segment {text[:80]!r} percent-encodes what is not UTF-8") from error


def _lines(event: Mapping[str, Any], wanted: str) -> Sequence[str]:
    """Every line of a header."""
    lines = event.get("multiValueHeaders") or {}
    return [line for name, values in lines.items() if name.lower() == wanted for line in values]


def _headers(event: Mapping[str, Any]) -> Mapping[str, str]:
    lines = event.get("multiValueHeaders") or {}
    return {name.lower(): values[0] if len(values) == 1 else ", ".join(values) for name, values in lines.items()}


def _require_honoured(headers: Mapping[str, str], conditions: Collection[str]) -> None:
    """Raise `InvalidQuery` if a precondition would be passed over: what depends on it is not to be done without it."""
    for name, written in _PRECONDITIONS.items():
        if name not in headers or name in conditions:
            continue
        if name == "if-unmodified-since" and "if-match" in headers and "if-match" in conditions:
            # RFC 9110, 13.1.4: If-Match says it better.
            continue
        honoured = " and ".join(_PRECONDITIONS[one] for one in _PRECONDITIONS if one in conditions) or "no condition"
        raise InvalidQuery(
            f"{written} cannot be honoured here, and nothing was changed; this call takes {honoured}", pointer=written
        )


def base_of(event: Mapping[str, Any]) -> str:
    """What stands before the path in the client's URL: the stage, or nothing behind a custom domain."""
    path = event["path"]
    whole = str((event.get("requestContext") or {}).get("path") or path)
    return whole.removesuffix(path) if whole.endswith(path) else ""
