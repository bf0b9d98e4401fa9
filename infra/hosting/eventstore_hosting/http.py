"""What the front doors need of an HTTP request, and what proxy events of every kind have in common."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import PayloadEncodingError
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SERVER = "flunq-eventstore"
"""What the header `Server` says of whoever answers."""
# They describe the connection between the client and the gateway, which ends there.
HOP_BY_HOP = frozenset(
    {"connection", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
# Where a request keeps a body that was read before anyone answered it.
_BODY = web.RequestKey("body", bytes)
_ABSOLUTE = re.compile(r"https?://(?P<authority>[^/?#@\s]+)(?P<path>[/?].*)?", re.IGNORECASE)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class RequestError(Exception):
    """A request that HTTP forbids, or that never came whole; the message says why."""


def in_origin_form(request: web.BaseRequest) -> web.BaseRequest:
    """The request with a path as its target: in absolute form, `Host` is what the target says (RFC 9112, 3.2.2).

    Raises:
        RequestError: It has no `Host`, several of them, or a target that no server serves (RFC 9112, 3.2).
    """
    hosts, target = request.headers.getall("Host", ()), request.raw_path
    if len(hosts) > 1 or (not hosts and request.version >= HttpVersion11):
        raise RequestError(f"there are {len(hosts)} Host headers; HTTP/1.1 has one")
    if target.startswith("/") or (target == "*" and request.method == "OPTIONS"):
        return request
    found = _ABSOLUTE.fullmatch(target)
    if found is None:
        raise RequestError(f"the target {target[:80]!r} is neither a path nor an http URL")
    headers = request.headers.copy()
    headers["Host"] = found["authority"]
    path = found["path"] or "/"
    return request.clone(
        rel_url=URL(path if path.startswith("/") else f"/{path}", encoded=True),
        headers=headers,
        host=found["authority"],
    )


def bad_request(reason: str) -> web.Response:
    """The answer to a request that does not go on; the connection is of no further use."""
    problem = {"type": "about:blank", "title": "Bad Request", "status": 400, "code": "bad-request"}
    body = json.dumps({**problem, "detail": reason}).encode()
    response = web.Response(status=400, body=body, content_type="application/problem+json", headers={"Server": SERVER})
    response.force_close()
    return response


async def peek_body(request: web.BaseRequest, *, limit: int) -> bytes | None:
    """The whole body, which `read_body` returns again; None if it is larger than the limit, or of unknown size.

    Raises:
        RequestError: The client left before it had sent all, or what it sent is no body.
    """
    if request.content_length is None or request.content_length > limit:
        return None
    body = await read_body(request, limit=limit)
    if body is not None:
        request[_BODY] = body
    return body


async def read_body(request: web.BaseRequest, *, limit: int) -> bytes | None:
    """The whole body, or None if it is larger than the limit.

    Raises:
        RequestError: The client left before it had sent all, or what it sent is no body.
    """
    if _BODY in request:
        body = request[_BODY]
        return body if len(body) <= limit else None
    try:
        return await _read(request, limit=limit)
    except ConnectionError as error:
        raise RequestError("the body did not come whole: the client left") from error
    except (web.RequestPayloadError, PayloadEncodingError) as error:
        raise RequestError(f"the body did not come whole: {' '.join(str(error).split())}") from error


async def _read(request: web.BaseRequest, *, limit: int) -> bytes | None:
    if (request.content_length or 0) > limit:
        return None
    if request.headers.get("Expect", "").lower() == "100-continue":
        # aiohttp does this in its routed applications only; the client holds its body back until then.
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    if not request.can_read_body:
        return b""
    parts, size = [], 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > limit:
            return None
        parts.append(part)
    return b"".join(parts)


def clf_time(time: datetime) -> str:
    """A time in the Common Log Format."""
    # Not strftime: its months are the locale's.
    time = time.astimezone(UTC)
    return f"{time.day:02}/{_MONTHS[time.month - 1]}/{time:%Y:%H:%M:%S} +0000"


def many_valued(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Every value of every name, in order."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def last_valued(many: Mapping[str, list[str]]) -> dict[str, str]:
    """The last value of every name."""
    return {name: values[-1] for name, values in many.items()}
