"""API keys: a document of their hashes and permissions.

A key has 256 random bits, so its SHA-256 cannot be reversed by guessing; only passwords need a slow hash.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING

from eventstore.errors import SettingsError, Unauthorized
from functions.authorizer.grants import InvalidGrant, access_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.access import Access

__all__ = ["ApiKeys", "Entry", "digest_of", "entries_of"]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MEMBERS = frozenset({"id", "sha256", "scopes", "tenants", "streams", "expires"})


@dataclass(frozen=True, slots=True)
class Entry:
    """An API key in the document.

    Attributes:
        digest: The SHA-256 of the key, in hexadecimal.
        access: What the key grants.
        expires: When it expires; None is never.
    """

    digest: str
    access: Access
    expires: datetime | None


class ApiKeys:
    """Checks API keys against a document, which may change over time.

    Args:
        document: Returns the current document.
        now: Returns the current time.
    """

    def __init__(self, document: Callable[[], str], *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._document = document
        self._now = now

    def access(self, key: str) -> Access:
        """Return the permissions that a key grants.

        Raises:
            Unauthorized: The key is unknown or has expired.
            SettingsError: The document is invalid.
        """
        digest = digest_of(key)
        # All entries, each in constant time: the duration reveals nothing about the match.
        matches = [entry for entry in entries_of(self._document()) if compare_digest(entry.digest, digest)]
        if not matches:
            raise Unauthorized("the key is unknown")
        entry = matches[0]
        if entry.expires is not None and entry.expires <= self._now():
            raise Unauthorized(f"the key {entry.access.subject!r} has expired")
        return entry.access


def digest_of(key: str) -> str:
    """Return the digest that represents a key in the document."""
    return sha256(key.encode()).hexdigest()


@lru_cache(maxsize=2)
def entries_of(document: str) -> Sequence[Entry]:
    """Parse a document, `{"keys":[…]}`.

    Raises:
        SettingsError: The document or an entry is invalid; the message quotes only the entry's id.
    """
    try:
        content = json.loads(document)
    except ValueError:
        raise SettingsError("the document of API keys is not JSON") from None
    if not isinstance(content, dict) or not isinstance(content.get("keys"), list):
        raise SettingsError('the document of API keys must be {"keys": […]}')
    entries = [_entry(members, index) for index, members in enumerate(content["keys"])]
    for member, values in (
        ("id", [entry.access.subject for entry in entries]),
        ("sha256", [entry.digest for entry in entries]),
    ):
        if len(set(values)) < len(values):
            raise SettingsError(f"two entries of the document of API keys have the same {member}")
    return entries


def _entry(members: object, index: int) -> Entry:
    if not isinstance(members, dict):
        raise SettingsError(f"keys[{index}] of the document of API keys must be an object")
    place = f"keys[{index}] of the document of API keys, {str(members.get('id'))[:80]!r},"
    if unknown := sorted(members.keys() - _MEMBERS):
        raise SettingsError(
            f"{place} has the unknown member {unknown[0][:80]!r}; members are {', '.join(sorted(_MEMBERS))}"
        )
    digest = members.get("sha256")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise SettingsError(f"{place} must have a sha256 of 64 lower-case hexadecimal digits")
    try:
        return Entry(digest, access_of(members.get("id"), members), _time(members))
    except InvalidGrant as error:
        raise SettingsError(f"{place} is invalid: {error}") from None


def _time(members: Mapping[str, object]) -> datetime | None:
    if "expires" not in members:
        return None
    try:
        time = datetime.fromisoformat(str(members["expires"]))
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise InvalidGrant("expires must be an RFC 3339 time such as 2027-01-01T00:00:00Z")
    return time
