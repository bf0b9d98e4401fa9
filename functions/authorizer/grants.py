"""Permissions from the claims of a token or from the entry of a key; an invalid claim grants nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eventstore.access import Access, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["InvalidGrant", "access_of"]

_MAX_PREFIXES = 50
_MAX_PREFIX_CHARACTERS = 4096
"""The restriction becomes part of every filter, which is limited to 8 KiB (docs/protocol.md, Limits)."""

_MAX_SUBJECT_BYTES = 256
"""The response to API Gateway contains it twice and is limited to 8 KiB ("Quotas for WebSocket APIs")."""

_PREFIX = re.compile(r"[A-Za-z0-9._:~-]{1,200}")
_TENANT = re.compile(r"[A-Za-z0-9._~-]{1,199}")
_SCOPES = frozenset(Scope)


class InvalidGrant(ValueError):
    """A claim is invalid; the message names it but never quotes its value, which may be part of a token."""


def access_of(subject: object, claims: Mapping[str, object]) -> Access:
    """Return the permissions that the claims `scope` or `scopes`, `tenants` and `streams` grant.

    Unknown scopes, which belong to other services, are ignored. An empty list of tenants or streams is not the same as
    an absent one: without any tenant or stream, nothing is allowed.

    Args:
        subject: The subject of the token, or the id of the key.
        claims: The claims of the token, or the members of the key's entry.

    Raises:
        InvalidGrant: A claim is invalid.
    """
    if not isinstance(subject, str) or not 0 < len(subject.encode(errors="surrogatepass")) <= _MAX_SUBJECT_BYTES:
        raise InvalidGrant(f"the subject must be a string of 1 to {_MAX_SUBJECT_BYTES} bytes")
    tenants = _names(claims, "tenants", _TENANT)
    streams = _names(claims, "streams", _PREFIX)
    is_restricted = tenants is not None or streams is not None
    scopes = {Scope(name) for name in _scopes(claims) if name in _SCOPES}
    if is_restricted and not (tenants or streams):
        scopes.clear()
    access = Access.of(subject, scopes, tenants=tenants or (), streams=streams or ())
    if len(access.prefixes) > _MAX_PREFIXES or sum(map(len, access.prefixes)) > _MAX_PREFIX_CHARACTERS:
        raise InvalidGrant(
            f"tenants and streams must have at most {_MAX_PREFIXES} items and {_MAX_PREFIX_CHARACTERS} characters"
        )
    return access


def _scopes(claims: Mapping[str, object]) -> list[str]:
    # RFC 8693, 4.2: `scope` is a string of names separated by spaces; some issuers send a list.
    scope = claims.get("scope", "")
    if not isinstance(scope, str):
        raise InvalidGrant("scope must be a string")
    listed = claims.get("scopes", [])
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise InvalidGrant("scopes must be a list of strings")
    return [*scope.split(), *listed]


def _names(claims: Mapping[str, object], name: str, rule: re.Pattern[str]) -> list[str] | None:
    """Return a claim that must be a list of names; None if it is absent."""
    if name not in claims:
        return None
    values = claims[name]
    if not isinstance(values, list):
        raise InvalidGrant(f"{name} must be a list")
    for value in values:
        if not isinstance(value, str) or not rule.fullmatch(value):
            raise InvalidGrant(f"{name} must contain only valid {name.removesuffix('s')} names")
    return values
