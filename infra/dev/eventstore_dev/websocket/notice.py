"""What the gateway says of its own, in API Gateway's words.

Rules: API Gateway Developer Guide, "Gateway response types".
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore_dev.websocket.event import Client

FORBIDDEN = "Forbidden"
_FAILED, _TIMED_OUT = "Internal server error", "Endpoint request timed out"


def failure_of(status: int) -> str:
    """What a client hears of a function that did not answer well."""
    return _TIMED_OUT if status == HTTPStatus.GATEWAY_TIMEOUT else _FAILED


def encode_notice(message: str, client: Client, request_id: str) -> bytes:
    """A message to a client."""
    return json.dumps({"message": message, "connectionId": client.connection_id, "requestId": request_id}).encode()


def refusal_of(
    status: int,
    client: Client,
    request_id: str,
    *,
    message: str | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> web.Response:
    """The answer to a handshake that opens nothing; the connection is of no further use."""
    content = encode_notice(message or _phrase(status), client, request_id) if body is None else body
    fields = {"Server": "eventstore-dev", "x-amzn-RequestId": request_id, **(headers or {})}
    response = web.Response(status=status, body=content, content_type="application/json", headers=fields)
    response.force_close()
    return response


def _phrase(status: int) -> str:
    if status in {HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT}:
        return failure_of(status)
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Refused"
