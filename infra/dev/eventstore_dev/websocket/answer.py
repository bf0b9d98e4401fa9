"""What a function returns, as API Gateway reads it for a WebSocket API.

Rules: API Gateway Developer Guide, "Set up a WebSocket API integration request in API Gateway" (Lambda proxy
integration) and "WebSocket APIs that require a subprotocol".
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass

_LOWEST, _HIGHEST, _BEYOND_GOOD = 200, 599, 300


class MalformedAnswerError(Exception):
    """The function's answer is none of a proxy integration; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a function told.

    Attributes:
        subprotocol: Its `Sec-WebSocket-Protocol` header.
    """

    status: int
    body: bytes
    subprotocol: str | None

    @property
    def is_good(self) -> bool:
        """Whether it opens a connection, or may be handed to the client."""
        return self.status < _BEYOND_GOOD


def decode_answer(payload: bytes, *, limit: int) -> Answer:
    """Reads a function's answer.

    Args:
        payload: What it returned.
        limit: How large the body may be.

    Raises:
        MalformedAnswerError: API Gateway would not understand it.
    """
    try:
        told = json.loads(payload)
    except ValueError as error:
        raise MalformedAnswerError(f"it is no JSON: {error}") from error
    if not isinstance(told, Mapping) or "statusCode" not in told:
        raise MalformedAnswerError("it must be an object with statusCode")
    body = _body(told)
    if len(body) > limit:
        raise MalformedAnswerError(f"body has {len(body):,} bytes; a message takes {limit:,}")
    return Answer(_status(told["statusCode"]), body, _subprotocol(told))


def _status(told: object) -> int:
    if isinstance(told, bool) or not isinstance(told, int | str) or not str(told).isdecimal():
        raise MalformedAnswerError(f"statusCode must be a number, and is {told!r}")
    if not _LOWEST <= int(told) <= _HIGHEST:
        raise MalformedAnswerError(f"statusCode must be from {_LOWEST} to {_HIGHEST}, and is {told}")
    return int(told)


def _body(told: Mapping[str, object]) -> bytes:
    body = told.get("body") or ""
    if not isinstance(body, str):
        raise MalformedAnswerError("body must be text; json.dumps makes text of anything")
    try:
        if not told.get("isBase64Encoded"):
            return body.encode()
        content = b64decode(body, validate=True)
        content.decode()
    except binascii.Error as error:
        raise MalformedAnswerError(f"isBase64Encoded is true, but body is no base64: {error}") from error
    except UnicodeError as error:
        raise MalformedAnswerError(f"body must be text that UTF-8 can carry: {error}") from error
    return content


def _subprotocol(told: Mapping[str, object]) -> str | None:
    for member in ("headers", "multiValueHeaders"):
        headers = told.get(member) or {}
        if not isinstance(headers, Mapping):
            raise MalformedAnswerError(f"{member} must be an object")
        for name, value in headers.items():
            if name.lower() == "sec-websocket-protocol":
                first = value[0] if isinstance(value, list) and value else value
                if not isinstance(first, str) or not first.isprintable():
                    raise MalformedAnswerError(f"{member}.{name} must be the name of a subprotocol")
                return first
    return None
