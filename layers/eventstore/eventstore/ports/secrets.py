"""The secrets that requests to targets are signed with."""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SecretUnavailable", "Secrets", "SigningKey", "signing_keys"]

_PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)
"""How long a key is (Standard Webhooks 1.0.0, Signature scheme)."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of HMAC-SHA256. Its representation does not show it."""

    content: bytes = field(repr=False)


class SecretUnavailable(Exception):
    """A secret does not exist, cannot be read, or holds no keys. The message names the secret and shows none of it."""


class Secrets(Protocol):
    """Reads secrets by name."""

    def get(self, name: str) -> Sequence[SigningKey]:
        """Return the keys of a secret, the current one first; several while keys are replaced.

        Args:
            name: The name or the ARN of the secret.

        Raises:
            SecretUnavailable: The secret does not exist, cannot be read, or holds no keys.
        """


def signing_keys(name: str, text: str) -> tuple[SigningKey, ...]:
    """Return the keys in the text of a secret: `whsec_` and Base64 each, separated by blanks, line breaks or commas.

    Raises:
        SecretUnavailable: There is no key, or one of them is malformed.
    """
    words = [word for word in re.split(r"[\s,]+", text) if word]
    keys = [_key(word) for word in words]
    if not keys or not all(keys):
        raise SecretUnavailable(
            f"secret {name!r} must hold keys of the form whsec_<Base64 of {_KEY_BYTES.start} to {_KEY_BYTES[-1]} bytes>"
        )
    return tuple(key for key in keys if key)


def _key(word: str) -> SigningKey | None:
    try:
        content = b64decode(word.removeprefix(_PREFIX), validate=True) if word.startswith(_PREFIX) else b""
    except ValueError:
        return None
    return SigningKey(content) if len(content) in _KEY_BYTES else None
