"""A request, as API Gateway passes it to the function (proxy integration, payload format 1.0)."""

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

__all__ = ["MERGE_PATCH", "Request", "base_of", "caller_of", "headers_of", "json_body", "segment"]

MERGE_PATCH = "application/merge-patch+json"
"""RFC 7396."""

_SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}
"""Safe methods (RFC 9110, 9.2.1), which ignore preconditions that they do not support."""

_PRECONDITIONS = {
    "if-match": "If-Match",
    "if-none-match": "If-None-Match",
    "if-unmodified-since": "If-Unmodified-Since",
}
"""Preconditions of unsafe methods (RFC 9110, 13.1), which ignore If-Modified-Since and If-Range."""

_LONGEST_BODY = 1024 * 1024
"""Bytes of a JSON body; the largest valid one holds the cursors of as many partitions as a store may have."""


@dataclass(frozen=True, slots=True)
class Request:
    """The parts of a request that routes use.

    Attributes:
        path: The path as the client sent it, percent-encoded, without the stage.
        base: The part of the client's URL before `path`: the stage, or empty with a custom domain.
        headers: Header values by lower-case name; lines of the same name are joined (RFC 9110, 5.3).
        query: All values of each parameter, decoded.
        body: The bytes as the client sent them.
        seconds_left: Seconds until Lambda ends the function.
        access: The caller's permissions.
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
        """Parse the event that the function is invoked with.

        Args:
            event: The event of the proxy integration.
            context: Lambda's context object.
            conditions: The precondition headers that the call supports, in lower case.

        Raises:
            Forbidden: As `caller_of`.
            InvalidQuery: An unsafe method has a precondition that the call does not support.
        """
        access = caller_of(event)
        headers = headers_of(event)
        if event.get("httpMethod") not in _SAFE:
            _require_supported(headers, conditions)
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
    """Return the caller's permissions from the event that the function is invoked with.

    Raises:
        Forbidden: As `functions.access.access_of`; or the request has several credentials. The authorizer refuses those
            too, but the gateway caches its response by one header and does not ask again when another one is added.
    """
    access = access_of(event.get("requestContext") or {})
    if hub().settings.authorizes:
        bearers = {line.strip().partition(" ")[2].strip() for line in _lines(event, "authorization")}
        if len(bearers.union(_lines(event, "x-api-key"))) > 1:
            raise Forbidden("the request has several credentials; send one")
    return access


def json_body(request: Request, *others: str) -> bytes:
    """Return the body, unless its media type or length is not accepted.

    Args:
        request: The request.
        others: The media types that are accepted beside application/json.

    Raises:
        UnsupportedMediaType: Content-Type is missing or names another media type.
        TooLarge: The body is longer than 1 MiB.
    """
    essence = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    supported = ("application/json", *others)
    if essence not in supported:
        raise UnsupportedMediaType(
            (f"Content-Type {essence!r} is not supported" if essence else "the request has no Content-Type")
            + f"; send {' or '.join(supported)}"
        )
    if len(request.body) > _LONGEST_BODY:
        raise TooLarge(f"the body is {len(request.body)} bytes long; at most {_LONGEST_BODY} are allowed")
    return request.body


def segment(text: str) -> str:
    """Decode a segment of the path, which REST APIs pass on as the client sent it.

    Raises:
        Malformed: The percent-encoded bytes are not UTF-8.
    """
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise Malformed(f"the path segment {text[:80]!r} must be percent-encoded UTF-8") from error


def _lines(event: Mapping[str, Any], header: str) -> Sequence[str]:
    """Return all lines of a header, which is named in lower case."""
    lines = event.get("multiValueHeaders") or {}
    return [line for name, values in lines.items() if name.lower() == header for line in values]


def headers_of(event: Mapping[str, Any]) -> Mapping[str, str]:
    """Return header values by lower-case name; lines of the same name are joined (RFC 9110, 5.3)."""
    lines = event.get("multiValueHeaders") or {}
    return {name.lower(): values[0] if len(values) == 1 else ", ".join(values) for name, values in lines.items()}


def _require_supported(headers: Mapping[str, str], conditions: Collection[str]) -> None:
    """Raise `InvalidQuery` if a precondition is not supported: ignoring it would make a change that depends on it."""
    for name, header in _PRECONDITIONS.items():
        if name not in headers or name in conditions:
            continue
        if name == "if-unmodified-since" and "if-match" in headers and "if-match" in conditions:
            # RFC 9110, 13.1.4: If-Match takes precedence.
            continue
        supported = " and ".join(header for name in _PRECONDITIONS if name in conditions) or "none"
        raise InvalidQuery(
            f"this call does not support the precondition {header}; supported: {supported}; nothing was changed",
            pointer=header,
        )


def base_of(event: Mapping[str, Any]) -> str:
    """Return the part of the client's URL before the path: the stage, or nothing with a custom domain."""
    path = event["path"]
    full_path = str((event.get("requestContext") or {}).get("path") or path)
    return full_path.removesuffix(path) if full_path.endswith(path) else ""
