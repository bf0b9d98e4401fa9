"""Encoded bodies of requests, which a REST API decodes before it calls a function.

Rules: API Gateway Developer Guide, "Payload compression for REST APIs in API Gateway" and "Call an API method with a
compressed payload": gzip, deflate and identity; what is none of these, or is not what it says, is 415.
"""

from __future__ import annotations

import zlib

__all__ = ["EncodingError", "OversizeError", "decode_body"]

_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
# Clients send deflate with zlib's frame, as RFC 9110, 8.4.1.2 has it, and without.
_WINDOWS = {"gzip": (_GZIP,), "x-gzip": (_GZIP,), "deflate": (_ZLIB, _RAW)}


class EncodingError(Exception):
    """The body cannot be decoded; the message says why."""


class OversizeError(Exception):
    """The decoded body is larger than the limit."""


def decode_body(body: bytes, encoding: str, *, limit: int) -> bytes:
    """The body without its encoding.

    Args:
        body: As it came.
        encoding: What `Content-Encoding` says; nothing, if it is empty.
        limit: How large the decoded body may be; no more than that is ever held.

    Raises:
        EncodingError: The encoding is not known, or the body is not in it.
        OversizeError: The decoded body is larger.
    """
    coding = encoding.strip().lower()
    if not body or coding in {"", "identity"}:
        return body
    if coding not in _WINDOWS:
        raise EncodingError(f"Content-Encoding is {encoding[:80]!r}; it must be gzip, deflate or identity")
    reason = ""
    for window in _WINDOWS[coding]:
        try:
            return _inflated(body, window, limit=limit)
        except zlib.error as error:
            reason = str(error)
    raise EncodingError(f"Content-Encoding is {coding}, and the body is not: {reason}")


def _inflated(body: bytes, window: int, *, limit: int) -> bytes:
    parts: list[bytes] = []
    room, rest = limit, body
    # RFC 1952, 2.2: a gzip file is members, one after the other.
    while rest or not parts:
        member = zlib.decompressobj(window)
        part = member.decompress(rest, room + 1)
        if len(part) > room:
            raise OversizeError
        if not member.eof:
            raise zlib.error("it ends too early")
        parts.append(part)
        room -= len(part)
        rest = member.unused_data
        if rest and window != _GZIP:
            raise zlib.error("bytes follow its end")
    return b"".join(parts)
