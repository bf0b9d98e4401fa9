"""Signatures of requests: Standard Webhooks 1.0.0, symmetric."""

from __future__ import annotations

import hmac
from base64 import b64encode
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.ports import SigningKey

__all__ = ["message_id", "signature_headers"]


def message_id(content: bytes) -> str:
    """Return the id of a message: the same for each attempt to send this content, and no other content has it.

    It depends on all events of a batch, not on the first one alone: a receiver that passes over ids that it knows must
    not pass over a batch that has grown since it was sent first. It has no dots, which separate the signed parts.

    Args:
        content: The events, with their streams and sequences.
    """
    return f"msg_{blake2b(content, digest_size=20).hexdigest()}"


def signature_headers(message: str, body: bytes, *, seconds: int, keys: Sequence[SigningKey]) -> list[tuple[str, str]]:
    """Return the headers that identify a message, and sign it if there are keys.

    Args:
        message: The id of the message.
        body: The body of the request.
        seconds: The time of this attempt, in seconds since 1970.
        keys: The keys, the current one first; each one adds a signature.
    """
    headers = [("webhook-id", message), ("webhook-timestamp", str(seconds))]
    if keys:
        signed = f"{message}.{seconds}.".encode() + body
        signatures = (b64encode(hmac.digest(key.content, signed, "sha256")).decode() for key in keys)
        headers.append(("webhook-signature", " ".join(f"v1,{signature}" for signature in signatures)))
    return headers
