"""From what a token or an entry of a key says to access; what is written there wrongly grants nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eventstore.access import Access, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["InvalidGrant", "access_of"]

_MOST = 50
_LONGEST = 4096
"""The restriction becomes part of every filter, which has 8 KiB (docs/protocol.md, Limits)."""

_SUBJECT = 256
"""In bytes: it stands twice in what API Gateway is answered, which may have 8 KiB ("Quotas for WebSocket APIs")."""

_START = re.compile(r"[A-Za-z0-9._:~-]{1,200}")
_TENANT = re.compile(r"[A-Za-z0-9._~-]{1,199}")
_SCOPES = frozenset(Scope)


class InvalidGrant(ValueError):
    """A member is wrong; the message names it and never quotes it, for it may be of a token."""


def access_of(subject: object, told: Mapping[str, object]) -> Access:
    """What the members `scope` or `scopes`, `tenants` and `streams` grant. Scopes that are others' are left out.

    An empty list of tenants or streams is no lack of one: where both say nothing, nothing is in reach.

    Raises:
        InvalidGrant: A member is none of what it may be.
    """
    if not isinstance(subject, str) or not 0 < len(subject.encode(errors="surrogatepass")) <= _SUBJECT:
        raise InvalidGrant(f"the subject is no text of 1 to {_SUBJECT} bytes")
    tenants = _names(told, "tenants", _TENANT)
    streams = _names(told, "streams", _START)
    limited = tenants is not None or streams is not None
    scopes = {Scope(name) for name in _scopes(told) if name in _SCOPES}
    if limited and not (tenants or streams):
        scopes.clear()
    access = Access.of(subject, scopes, tenants=tenants or (), streams=streams or ())
    if len(access.prefixes) > _MOST or sum(map(len, access.prefixes)) > _LONGEST:
        raise InvalidGrant(f"tenants and streams are more than {_MOST}, or longer than {_LONGEST} characters")
    return access


def _scopes(told: Mapping[str, object]) -> list[str]:
    # RFC 8693, 4.2: `scope` is a text of names with spaces between them; some issuers write a list.
    scope = told.get("scope", "")
    if not isinstance(scope, str):
        raise InvalidGrant("scope is no text")
    listed = told.get("scopes", [])
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise InvalidGrant("scopes is no list of texts")
    return [*scope.split(), *listed]


def _names(told: Mapping[str, object], name: str, rule: re.Pattern[str]) -> list[str] | None:
    """A member that is a list of names; None without it."""
    if name not in told:
        return None
    values = told[name]
    if not isinstance(values, list):
        raise InvalidGrant(f"{name} is no list")
    for value in values:
        if not isinstance(value, str) or not rule.fullmatch(value):
            raise InvalidGrant(f"{name} holds what is no {name.removesuffix('s')} name")
    return values
