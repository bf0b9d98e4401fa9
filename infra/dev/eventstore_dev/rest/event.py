"""The event of a Lambda proxy integration, and the media types that decide how a body travels.

Rules: API Gateway Developer Guide, "Input format of a Lambda function for proxy integration" and "Content type
conversions in API Gateway".
"""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from eventstore_dev.aws_names import ACCOUNT
from eventstore_hosting.http import HOP_BY_HOP, clf_time, last_valued, many_valued

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from eventstore_dev.rest.routing import Match


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came, its percent-encoding untouched."""

    method: str
    path: str
    query: str
    protocol: str
    source_ip: str
    port: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    request_id: str
    extended_request_id: str
    trace_id: str
    time: datetime

    def header(self, name: str) -> str | None:
        """The last value of a header, whose name is given in lower case."""
        return next((value for key, value in reversed(self.headers) if key.lower() == name), None)


def is_binary(content_type: str | None, patterns: Sequence[str]) -> bool:
    """Whether a body of this type travels in base64."""
    if "*/*" in patterns:
        return True
    essence = (content_type or "application/json").partition(";")[0].strip().lower()
    return any(fnmatchcase(essence, pattern.lower()) for pattern in patterns)


def encode_event(request: Request, match: Match, *, authorizer: Mapping[str, object] | None = None) -> bytes:
    """The event's JSON. Requests without an authorizer or a client certificate have no members for them."""
    binary = bool(request.body) and is_binary(request.header("content-type"), match.api.binary_media_types)
    body = (b64encode(request.body) if binary else request.body).decode(errors="replace")
    event = _event(request, match)
    if authorizer is not None:
        event["requestContext"]["authorizer"] = authorizer
    return _encode({**event, "body": body or None, "isBase64Encoded": binary})


def encode_question(request: Request, match: Match, *, arn: str) -> bytes:
    """The event of an authorizer of the kind REQUEST: all but the body."""
    event = _event(request, match)
    absent: dict[str, object] = {name: {} for name in _OBJECTS if event[name] is None}
    return _encode({"type": "REQUEST", "methodArn": arn, **event, **absent})


def identity_of(request: Request, sources: Sequence[str]) -> tuple[str, ...] | None:
    """What stands at an authorizer's identity sources; None, if one of them is not there, or is empty."""
    query = dict(reversed(_query(request)))
    found = []
    for source in sources:
        _, _, where, name = source.split(".", 3)
        found.append(request.header(name.lower()) if where == "header" else query.get(name))
    return tuple(value for value in found if value) if all(found) else None


def _event(request: Request, match: Match) -> dict[str, Any]:
    headers = many_valued((name, value) for name, value in request.headers if name.lower() not in HOP_BY_HOP)
    headers["X-Amzn-Trace-Id"] = [request.trace_id]
    headers["X-Forwarded-For"] = [request.source_ip]
    headers["X-Forwarded-Port"] = [str(request.port)]
    headers["X-Forwarded-Proto"] = ["http"]
    query = many_valued(_query(request))
    return {
        "resource": match.route.path,
        "path": request.path,
        "httpMethod": request.method,
        "headers": last_valued(headers),
        "multiValueHeaders": headers,
        "queryStringParameters": last_valued(query) or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": match.parameters or None,
        "stageVariables": None,
        "requestContext": _context(request, match),
    }


def _query(request: Request) -> list[tuple[str, str]]:
    # "Important notes for REST APIs": a semicolon splits a query string as well.
    return parse_qsl(request.query.replace(";", "&"), keep_blank_values=True)


def _encode(event: Mapping[str, object]) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()


_OBJECTS = ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables")


def _context(request: Request, match: Match) -> dict[str, object]:
    host = (request.header("host") or "localhost").partition(":")[0]
    return {
        "accountId": ACCOUNT,
        "apiId": match.api.name.lower(),
        "domainName": host,
        "domainPrefix": host.partition(".")[0],
        "extendedRequestId": request.extended_request_id,
        "httpMethod": request.method,
        "identity": {
            "accessKey": None,
            "accountId": None,
            "caller": None,
            "cognitoAuthenticationProvider": None,
            "cognitoAuthenticationType": None,
            "cognitoIdentityId": None,
            "cognitoIdentityPoolId": None,
            "principalOrgId": None,
            "sourceIp": request.source_ip,
            "user": None,
            "userAgent": request.header("user-agent"),
            "userArn": None,
        },
        # As with a custom domain, where the stage is no part of the path.
        "path": request.path,
        "protocol": request.protocol,
        "requestId": request.request_id,
        "requestTime": clf_time(request.time),
        "requestTimeEpoch": int(request.time.timestamp() * 1000),
        "resourceId": f"{zlib.crc32(match.route.path.encode()):08x}",
        "resourcePath": match.route.path,
        "stage": match.api.stage,
    }
