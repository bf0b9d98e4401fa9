"""Responses of the console: the page, its files, and what it has to know before it calls the hub."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from functions.console.files import INDEX, site

if TYPE_CHECKING:
    from collections.abc import Mapping

    from functions.console.files import File

__all__ = ["PATH", "Settings", "claims", "respond"]

PATH = "/console"
"""The path of the page. All files are below it."""

_READS = ("GET", "HEAD")
_CONFIGURATION = "hub.json"

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_REFUSED = re.compile(r"q=0(\.0*)?")
_FOR_EVER = "public, max-age=31536000, immutable"
_REVALIDATED = "no-cache"
_NEVER = "no-store"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the page has to know of its hub.

    Attributes:
        auth: The deployment's `AUTH`.
        websocket_url: The address of the WebSocket API; empty if it is `/ws` of the same origin.
    """

    auth: str = "none"
    websocket_url: str = ""


def claims(method: str, path: str) -> bool:
    """Return whether the console answers a request, where no gateway has routes.

    Args:
        method: The method of the request.
        path: Its path, without a query.
    """
    return path == PATH or path.startswith(f"{PATH}/") or (path == "/" and method in _READS)


def respond(event: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Respond to a request, as API Gateway passes it on and expects the response.

    HEAD gets the response of GET, with the body: the gateway computes `Content-Length` from the body and omits it (RFC
    9110, 9.3.2).

    Args:
        event: The request (proxy integration, payload format 1.0).
        settings: What the page has to know.
    """
    headers, path, method = _headers_of(event), str(event["path"]), str(event.get("httpMethod"))
    if method not in _READS:
        detail = f"{path[:200]} does not support {method[:20]}; supported: GET, HEAD"
        return _problem(405, "method-not-allowed", "Method not allowed", detail, headers={"Allow": "GET, HEAD"})
    if path == "/":
        # A cache must not lead programs to the page.
        return _moved(event, headers={"Vary": "Accept"}) if _is_browser(headers) else _absent(path)
    if path == PATH:
        return _file(site().files[INDEX], headers, {**_page_headers(settings), "Cache-Control": _REVALIDATED})
    name = path.removeprefix(f"{PATH}/")
    if not name:
        # The page names its files relative to a path without the slash.
        return _moved(event)
    if name == _CONFIGURATION:
        return _sent(200, _configuration(settings), {"Content-Type": "application/json", "Cache-Control": _REVALIDATED})
    return _versioned(name, path, headers)


def _versioned(name: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    digest, _, name = name.partition("/")
    file = site().files.get(name)
    if file is None or name == INDEX:
        return _absent(path)
    # While versions are exchanged, a page may ask an instance that has other files than those it was made with.
    return _file(file, headers, {"Cache-Control": _FOR_EVER if digest == site().digest else _NEVER})


def _file(file: File, request: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
    compresses = _takes_gzip(request.get("accept-encoding", ""))
    # Strong tags of two representations must differ (RFC 9110, 8.8.1).
    tag = f'"{file.tag}-gzip"' if compresses else f'"{file.tag}"'
    headers = {**headers, "ETag": tag, "Vary": "Accept-Encoding"}
    if tag in (each.strip().removeprefix("W/") for each in request.get("if-none-match", "").split(",")):
        return _sent(304, b"", headers)
    headers = {**headers, "Content-Type": file.media_type}
    if compresses:
        return _sent(200, file.compressed, {**headers, "Content-Encoding": "gzip"}, is_text=False)
    return _sent(200, file.content, headers)


def _takes_gzip(accepted: str) -> bool:
    """Return whether a value of Accept-Encoding has gzip with a weight above 0 (RFC 9110, 12.5.3)."""
    for each in accepted.lower().split(","):
        coding, _, weight = (part.strip() for part in each.partition(";"))
        if coding == "gzip":
            return _REFUSED.fullmatch(weight) is None
    return False


def _page_headers(settings: Settings) -> Mapping[str, str]:
    """Return the headers of the page, which may load and call nothing but this hub."""
    socket = urlsplit(settings.websocket_url)
    callees = f"'self' {socket.scheme}://{socket.netloc}" if socket.netloc else "'self'"
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"connect-src {callees}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "X-Frame-Options": "DENY",
    }


def _configuration(settings: Settings) -> bytes:
    known = {"auth": settings.auth, **({"websocket": settings.websocket_url} if settings.websocket_url else {})}
    return json.dumps(known).encode()


def _is_browser(headers: Mapping[str, str]) -> bool:
    return "text/html" in headers.get("accept", "").lower()


def _moved(event: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    # The stage is a part of the client's URL, and not of the path (API Gateway, input of a proxy integration).
    path = str(event["path"]).rstrip("/")
    whole = str((event.get("requestContext") or {}).get("path") or path).rstrip("/")
    base = whole.removesuffix(path) if whole.endswith(path) else ""
    return _sent(302, b"", {"Location": f"{base}{PATH}", "Cache-Control": _REVALIDATED, **(headers or {})})


def _absent(path: str) -> dict[str, Any]:
    return _problem(404, "not-found", "Not found", f"no route matches {path[:200]}; /api/v1/docs lists all routes")


def _problem(
    status: int, code: str, title: str, detail: str, *, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    problem = {"type": f"urn:flunq:problem:{code}", "title": title, "status": status, "detail": detail, "code": code}
    return _sent(status, json.dumps(problem).encode(), {"Content-Type": "application/problem+json", **(headers or {})})


def _sent(status: int, body: bytes, headers: Mapping[str, str], *, is_text: bool = True) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {**_ALWAYS, **headers},
        "body": body.decode() if is_text else b64encode(body).decode(),
        "isBase64Encoded": not is_text,
    }


def _headers_of(event: Mapping[str, Any]) -> Mapping[str, str]:
    return {name.lower(): ", ".join(values) for name, values in (event.get("multiValueHeaders") or {}).items()}
