"""API keys: a document of their hashes, and what each grants.

A key is 256 random bits, so its SHA-256 gives nothing away, and no slow hash is needed: those are for passwords, which
can be guessed.
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
    """A key as it is known: by its digest, with what it grants, and until when; None never ends it."""

    digest: str
    access: Access
    expires: datetime | None


class ApiKeys:
    """Checks API keys against a document, which may change meanwhile.

    Args:
        document: Gives the document as it is now.
        now: Gives the time.
    """

    def __init__(self, document: Callable[[], str], *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._document = document
        self._now = now

    def access(self, key: str) -> Access:
        """What a key grants.

        Raises:
            Unauthorized: There is no such key, or its time is over.
            SettingsError: The document is wrong.
        """
        digest = digest_of(key)
        # All of them, each to its end: how long it takes tells nothing of what was found.
        found = [entry for entry in entries_of(self._document()) if compare_digest(entry.digest, digest)]
        if not found:
            raise Unauthorized("there is no such key")
        if found[0].expires is not None and found[0].expires <= self._now():
            raise Unauthorized(f"the key {found[0].access.subject!r} has expired")
        return found[0].access


def digest_of(key: str) -> str:
    """What stands for a key in the document."""
    return sha256(key.encode()).hexdigest()


@lru_cache(maxsize=2)
def entries_of(document: str) -> Sequence[Entry]:
    """The entries of a document, `{"keys":[…]}`.

    Raises:
        SettingsError: It is none, or an entry is wrong; nothing of it is quoted but its id.
    """
    try:
        told = json.loads(document)
    except ValueError:
        raise SettingsError("the document of API keys is no JSON") from None
    if not isinstance(told, dict) or not isinstance(told.get("keys"), list):
        raise SettingsError('the document of API keys is no {"keys": […]}')
    entries = [_entry(one, at) for at, one in enumerate(told["keys"])]
    for what, values in (("id", [e.access.subject for e in entries]), ("sha256", [e.digest for e in entries])):
        if len(set(values)) < len(values):
            raise SettingsError(f"two entries of the document of API keys have the same {what}")
    return entries


def _entry(told: object, at: int) -> Entry:
    if not isinstance(told, dict):
        raise SettingsError(f"keys[{at}] of the document of API keys is no object")
    place = f"keys[{at}] of the document of API keys, {str(told.get('id'))[:80]!r},"
    if unknown := sorted(told.keys() - _MEMBERS):
        raise SettingsError(f"{place} has {unknown[0][:80]!r}; it may have {', '.join(sorted(_MEMBERS))}")
    digest = told.get("sha256")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise SettingsError(f"{place} has no sha256 of 64 digits, a to f among them")
    try:
        return Entry(digest, access_of(told.get("id"), told), _time(told))
    except InvalidGrant as error:
        raise SettingsError(f"{place} is wrong: {error}") from None


def _time(told: Mapping[str, object]) -> datetime | None:
    if "expires" not in told:
        return None
    try:
        time = datetime.fromisoformat(str(told["expires"]))
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise InvalidGrant("expires is no time of RFC 3339, such as 2027-01-01T00:00:00Z")
    return time
