"""The opening handshake of a WebSocket connection: RFC 6455, sections 4.2.1, 4.2.2 and 4.4."""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_VERSION = "13"
_KEY_BYTES = 16


class HandshakeError(Exception):
    """The client's request opens no WebSocket connection."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


def is_upgrade(request: web.BaseRequest) -> bool:
    """Whether a client asks for a WebSocket connection, rightly or not."""
    return "websocket" in request.headers.get("Upgrade", "").lower()


def check(request: web.BaseRequest) -> None:
    """Finds fault with a request before a function is asked.

    Raises:
        HandshakeError: There is a fault.
    """
    headers = request.headers
    if request.method != "GET":
        raise HandshakeError(405, "A WebSocket connection is opened with GET", {"Allow": "GET"})
    if request.version < (1, 1):
        raise HandshakeError(400, "A WebSocket connection needs HTTP/1.1")
    options = {option.strip().lower() for value in headers.getall("Connection", ()) for option in value.split(",")}
    if "upgrade" not in options:
        raise HandshakeError(426, "Connection must be Upgrade", {"Upgrade": "websocket"})
    if headers.getall("Sec-WebSocket-Version", ()) != [_VERSION]:
        message = f"Sec-WebSocket-Version must be {_VERSION}"
        raise HandshakeError(426, message, {"Upgrade": "websocket", "Sec-WebSocket-Version": _VERSION})
    keys = headers.getall("Sec-WebSocket-Key", ())
    if len(keys) != 1 or not _is_key(keys[0]):
        raise HandshakeError(400, f"Sec-WebSocket-Key must be {_KEY_BYTES} bytes in base64")


def accepted(request: web.BaseRequest, *, subprotocol: str | None) -> dict[str, str]:
    """The headers of the answer that opens the connection. No extension is ever agreed on."""
    digest = hashlib.sha1(request.headers["Sec-WebSocket-Key"].encode() + _GUID, usedforsecurity=False).digest()
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": b64encode(digest).decode(),
    }
    if subprotocol is not None:
        headers["Sec-WebSocket-Protocol"] = subprotocol
    return headers


def _is_key(key: str) -> bool:
    try:
        return len(b64decode(key, validate=True)) == _KEY_BYTES
    except binascii.Error:
        return False
