"""API Gateway, REST: routes, the proxy event of format 1.0, its limits, and its own answers.

Sources: API Gateway Developer Guide, "Set up Lambda proxy integrations in API Gateway", "Gateway response types",
"Content type conversion", and "Quotas for configuring and running a REST API".
"""

from __future__ import annotations

import json
import re
import time
from base64 import b64decode, b64encode
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from uuid import uuid4

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from multidict import CIMultiDictProxy
    from yarl import URL

    from eventstore_dev.template import Route, Template

__all__ = ["Limits", "Match", "Router", "answer", "problem", "proxy_event"]

_DROPPED = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade", "proxy-connection", "te", "trailer"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What the gateway takes, in bytes and seconds."""

    request: int = 10 * 1024 * 1024
    headers: int = 10_240
    invocation: int = 6 * 1024 * 1024
    integration_seconds: float = 29.0


@dataclass(frozen=True, slots=True)
class Match:
    """The route of a request, and what stands in its braces."""

    route: Route
    parameters: Mapping[str, str]


class Router:
    """Finds the resource of a path: segment by segment, a name before `{a}`, that before `{a+}`."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = sorted(
            ((_precedence(route.resource), _pattern(route.resource), route) for route in routes), key=lambda r: r[0]
        )

    def match(self, method: str, path: str) -> Match | None:
        """The route, if there is one for the method and path; `path` is as sent, percent-encoded."""
        for _, pattern, route in self._routes:
            if route.method in {method, "ANY"} and (found := pattern.fullmatch(path)):
                # Groups are named by their order: a parameter may have a name that no group can have.
                names = re.findall(r"\{([^}+]+)\+?\}", route.resource)
                return Match(route, dict(zip(names, map(unquote, found.groups()), strict=True)))
        return None


def _precedence(resource: str) -> tuple[int, ...]:
    return tuple(2 if part.endswith("+}") else 1 if part.startswith("{") else 0 for part in resource.split("/"))


def _pattern(resource: str) -> re.Pattern[str]:
    parts = (
        "(.+)" if part.endswith("+}") else "([^/]+)" if part.startswith("{") else re.escape(part)
        for part in resource.split("/")
    )
    return re.compile("/".join(parts) + "/?")


def proxy_event(
    request: web.BaseRequest, match: Match, template: Template, body: bytes, request_id: str
) -> dict[str, Any]:
    """The event that a function is invoked with."""
    url: URL = request.rel_url
    many: dict[str, list[str]] = {}
    for name, value in url.query.items():
        many.setdefault(name, []).append(value)
    headers: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        headers.setdefault(name, []).append(value)
    media_type = request.headers.get("Content-Type", "")
    binary = bool(body) and _is_binary(media_type, template.binary_media_types)
    path = url.raw_path
    now = time.time()
    return {
        "resource": match.route.resource,
        "path": path,
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()} or None,
        "multiValueHeaders": headers or None,
        "queryStringParameters": {name: values[-1] for name, values in many.items()} or None,
        "multiValueQueryStringParameters": many or None,
        "pathParameters": dict(match.parameters) or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "authorizer": None,
            "domainName": request.headers.get("Host", "127.0.0.1"),
            "domainPrefix": "local",
            "extendedRequestId": request_id[:16],
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
                "sourceIp": request.remote or "127.0.0.1",
                "user": None,
                "userAgent": request.headers.get("User-Agent"),
                "userArn": None,
            },
            "path": path,
            "protocol": f"HTTP/{request.version.major}.{request.version.minor}",
            "requestId": request_id,
            "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "requestTimeEpoch": int(now * 1000),
            "resourceId": "local",
            "resourcePath": match.route.resource,
            "stage": template.stage,
        },
        "body": (b64encode(body).decode() if binary else body.decode("utf-8", "replace")) if body else None,
        "isBase64Encoded": binary,
    }


def answer(payload: bytes, accept: str, template: Template, *, head: bool) -> web.Response:
    """The HTTP response that a function's answer means.

    Raises:
        ValueError: It is none that a proxy integration may give.
    """
    found = json.loads(payload)
    if not isinstance(found, dict) or not str(found.get("statusCode", "")).isdecimal():
        raise ValueError("no statusCode")
    text = found.get("body") or ""
    if not isinstance(text, str):
        raise ValueError("body is no string")  # noqa: TRY004 - whatever is wrong, the gateway answers alike
    # Content type conversion: the body is decoded if the response, by Accept, is of a binary media type.
    decode = found.get("isBase64Encoded") and _is_binary(accept.partition(",")[0] or "*/*", template.binary_media_types)
    response = web.Response(status=int(found["statusCode"]), body=b64decode(text) if decode else text.encode())
    for name, value in (found.get("headers") or {}).items():
        if name.lower() not in _DROPPED:
            response.headers[name] = str(value)
    for name, values in (found.get("multiValueHeaders") or {}).items():
        if name.lower() in _DROPPED:
            continue
        response.headers.popall(name, None)
        for value in values:
            response.headers.add(name, str(value))
    if "Content-Type" not in response.headers and not head:
        response.headers["Content-Type"] = "application/json"
    return response


def problem(status: int, message: str, kind: str) -> web.Response:
    """An answer of the gateway's own."""
    return web.json_response({"message": message}, status=status, headers={"x-amzn-ErrorType": kind})


def header_bytes(headers: CIMultiDictProxy[str]) -> int:
    """How much the headers count against the gateway's limit."""
    return sum(len(name) + len(value) + 4 for name, value in headers.items())


def new_request_id() -> str:
    """An id as API Gateway gives each request."""
    return str(uuid4())


def _is_binary(media_type: str, patterns: Sequence[str]) -> bool:
    essence = media_type.partition(";")[0].strip().lower() or "application/json"
    return any(fnmatchcase(essence, pattern) for pattern in patterns)
