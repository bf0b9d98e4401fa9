"""Where a credential stands in a request, for REST APIs and for a WebSocket's handshake."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING, Any

from eventstore.errors import Unauthorized

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["credential_of"]

_LONGEST = 8 * 1024
_TOKEN = re.compile(r"[\x21-\x7e]+")
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_SUBPROTOCOL = re.compile(r"bearer\.([A-Za-z0-9_-]+)")


def credential_of(event: Mapping[str, Any]) -> str:
    """The one credential of a request, wherever it stands; it may stand in several places if it is the same.

    Raises:
        Unauthorized: There is none, there are two, or it is none that a token or a key could be.
    """
    found = set(_found(event))
    if not found:
        raise Unauthorized("there is no credential; send Authorization: Bearer, or X-Api-Key")
    if len(found) > 1:
        raise Unauthorized("there are several credentials, which contradict each other; send one")
    credential = found.pop()
    if len(credential) > _LONGEST or not _TOKEN.fullmatch(credential):
        raise Unauthorized(f"the credential is no text of 1 to {_LONGEST} visible ASCII characters")
    return credential


def _found(event: Mapping[str, Any]) -> Iterator[str]:
    for value in _headers(event, "authorization"):
        match = _BEARER.fullmatch(value.strip())
        if match is None:
            raise Unauthorized("Authorization is of another scheme than Bearer")
        yield match[1]
    yield from _headers(event, "x-api-key")
    if "connectionId" in event["requestContext"]:
        yield from _of_a_browser(event)


def _of_a_browser(event: Mapping[str, Any]) -> Iterator[str]:
    """A browser's WebSocket has no headers of its own: it names subprotocols, and a URL."""
    for line in _headers(event, "sec-websocket-protocol"):
        for name in line.split(","):
            match = _SUBPROTOCOL.fullmatch(name.strip())
            if match is not None:
                yield _decoded(match[1])
    yield from (event.get("multiValueQueryStringParameters") or {}).get("access_token", ())


def _headers(event: Mapping[str, Any], wanted: str) -> Iterator[str]:
    for name, values in (event.get("multiValueHeaders") or {}).items():
        if name.lower() == wanted:
            yield from values


def _decoded(text: str) -> str:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except ValueError:
        raise Unauthorized("the subprotocol that starts with bearer. goes on with no base64url of a token") from None
