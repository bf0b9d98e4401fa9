"""Extracts the credential of a request to the REST API or of a WebSocket handshake."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING, Any

from eventstore.errors import Unauthorized

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["credential_of"]

_MAX_LENGTH = 8 * 1024
_TOKEN = re.compile(r"[\x21-\x7e]+")
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_SUBPROTOCOL = re.compile(r"bearer\.([A-Za-z0-9_-]+)")


def credential_of(event: Mapping[str, Any]) -> str:
    """Return the credential of a request, which may be sent in several places if all are the same.

    Raises:
        Unauthorized: There is none, there are different ones, or it is not a valid token or key.
    """
    credentials = set(_credentials(event))
    if not credentials:
        raise Unauthorized("the request has no credential; send Authorization: Bearer, or X-Api-Key")
    if len(credentials) > 1:
        raise Unauthorized("the request has several credentials; send one")
    credential = credentials.pop()
    if len(credential) > _MAX_LENGTH or not _TOKEN.fullmatch(credential):
        raise Unauthorized(f"the credential must be 1 to {_MAX_LENGTH} visible ASCII characters")
    return credential


def _credentials(event: Mapping[str, Any]) -> Iterator[str]:
    for value in _headers(event, "authorization"):
        match = _BEARER.fullmatch(value.strip())
        if match is None:
            raise Unauthorized("the scheme of Authorization must be Bearer")
        yield match[1]
    yield from _headers(event, "x-api-key")
    if "connectionId" in event["requestContext"]:
        yield from _browser_credentials(event)


def _browser_credentials(event: Mapping[str, Any]) -> Iterator[str]:
    """Yield the credentials of a browser's WebSocket, which can only choose subprotocols and a URL."""
    for line in _headers(event, "sec-websocket-protocol"):
        for name in line.split(","):
            match = _SUBPROTOCOL.fullmatch(name.strip())
            if match is not None:
                yield _decoded(match[1])
    yield from (event.get("multiValueQueryStringParameters") or {}).get("access_token", ())


def _headers(event: Mapping[str, Any], header: str) -> Iterator[str]:
    for name, values in (event.get("multiValueHeaders") or {}).items():
        if name.lower() == header:
            yield from values


def _decoded(text: str) -> str:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except ValueError:
        raise Unauthorized("the subprotocol bearer. must be followed by a token in base64url") from None
