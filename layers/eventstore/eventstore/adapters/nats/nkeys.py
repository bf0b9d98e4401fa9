"""Who connects by a key: the server sends a nonce, and the client returns it signed with Ed25519.

An nkey is a key in base32, with a prefix that says what it is of and a checksum (github.com/nats-io/nkeys). A file of
credentials has a JSON Web Token that names the user, and the seed of the user's nkey.
"""

from __future__ import annotations

import re
from base64 import b32decode, b32encode, urlsafe_b64encode
from binascii import crc_hqx
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eventstore.adapters.nats.errors import Refused

if TYPE_CHECKING:
    from eventstore.adapters.nats.address import NatsUrl

__all__ = ["encoded", "signed"]

_USER = 20 << 3
_SEED = 18 << 3

_JWT = re.compile(r"-{3,}BEGIN NATS USER JWT-{3,}\s+(\S+)\s+-{3,}END NATS USER JWT-{3,}")
_USER_SEED = re.compile(r"(?<![A-Z2-7])SU[A-Z2-7]{56}(?![A-Z2-7])")


def signed(url: NatsUrl, nonce: str) -> dict[str, str]:
    """Return the members of `CONNECT` that say who connects.

    The file is read for each connection, so that it can be replaced before a token expires.

    Args:
        url: Names the file.
        nonce: What the server sent to be signed; empty if it did not.

    Raises:
        Refused: The file has no key or no token, or the server does not know users by their keys.
    """
    if not nonce:
        raise Refused("the server does not know users by creds or nkey")
    option = "creds" if url.creds else "nkey"
    try:
        text = Path(url.creds or url.nkey).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise Refused(f"the file of {option} cannot be read: {reason}") from error
    seed = _USER_SEED.search(text)
    key = _key(seed.group()) if seed else None
    if key is None:
        raise Refused(f"the file of {option} has no valid seed of a user (SU…)")
    signature = urlsafe_b64encode(key.sign(nonce.encode())).rstrip(b"=").decode()
    if not url.creds:
        return {"nkey": encoded(bytes([_USER]), key.public_key().public_bytes_raw()), "sig": signature}
    token = _JWT.search(text)
    if token is None:
        raise Refused("the file of creds has no token (NATS USER JWT)")
    return {"jwt": token.group(1), "sig": signature}


def encoded(prefix: bytes, key: bytes) -> str:
    """Return an nkey: a prefix and a key, with their checksum, in base32."""
    content = prefix + key
    return b32encode(content + _checksum(content)).rstrip(b"=").decode()


def _key(seed: str) -> Ed25519PrivateKey | None:
    """Return the private key of a user's seed; None if it is not valid."""
    # 58 characters are 36 bytes; base32 wants whole groups of eight.
    content = b32decode(seed + "=" * 6)
    prefix, key, checksum = content[:2], content[2:34], content[34:]
    # The kind of key lies across both bytes.
    if prefix != bytes([_SEED | _USER >> 5, (_USER & 31) << 3]) or checksum != _checksum(prefix + key):
        return None
    return Ed25519PrivateKey.from_private_bytes(key)


def _checksum(content: bytes) -> bytes:
    return crc_hqx(content, 0).to_bytes(2, "little")
