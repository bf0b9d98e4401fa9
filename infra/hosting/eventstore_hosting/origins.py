"""Who may call the stack from a browser: whatever page is open there can reach 127.0.0.1 as well.

A browser says on whose behalf it asks. `Host` has the name that it looked up, so a name that somebody let resolve to
127.0.0.1 (DNS rebinding) is seen there; `Origin` has the page that asks; `Sec-Fetch-Site` how that page is related to
the address (Fetch Metadata Request Headers, W3C). Programs that are no browsers send none of the last two.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from aiohttp import web

from eventstore_hosting.http import SERVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multidict import CIMultiDictProxy

__all__ = ["SETTING", "Origins", "OriginsError", "Refused", "is_safe", "refusal_of"]

SETTING = "ALLOWED_ORIGINS"
_ALL = "*"
_OPAQUE = "null"
_MACHINE = tuple(f"{scheme}://{host}:*" for scheme in ("http", "https") for host in ("localhost", "127.0.0.1", "[::1]"))
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:/?#@\\\s]+)(?::\d{0,5})?")


class OriginsError(ValueError):
    """The setting has what is no origin; the message says what one is."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that does not go on.

    Attributes:
        code: `foreign-host` or `foreign-origin`.
        reason: For whoever sent it, with the setting that would let it in.
    """

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Origins:
    """The origins whose pages may call the stack, besides those of this machine.

    Attributes:
        listed: As browsers write them in `Origin`. Their hosts may stand in `Host`, too.
        everyone: Nothing is refused.
        any_host: The address is reached by other machines, under whatever names. Then `Host` may be any, and a page of
            the same host may call.
    """

    listed: frozenset[str] = frozenset()
    everyone: bool = False
    any_host: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the setting: origins with commas between them, or `*`.

        Raises:
            OriginsError: A part is none of these.
        """
        parts = [part.strip() for part in text.split(",")] if text.strip() else []
        return cls(frozenset(_origin(part) for part in parts if part != _ALL), everyone=_ALL in parts)

    @property
    def readers(self) -> str:
        """Whose pages may read answers, as a template's setting of CORS writes it: these, and those of this machine."""
        return _ALL if self.everyone else ",".join((*_MACHINE, *sorted(self.listed)))

    def refuses(self, headers: CIMultiDictProxy[str], *, harmless: bool) -> Refused | None:
        """Why a request does not go on; None if it does.

        Args:
            headers: The request's.
            harmless: It changes nothing, and its answer cannot be read by a page of another origin. Then only its
                `Host` counts: a name that leads here makes the page one of this origin.
        """
        if self.everyone:
            return None
        hosts = headers.getall("Host", ())
        for host in hosts:
            if not (self.any_host or self._knows_host(host)):
                return Refused(
                    "foreign-host", f"Host is {host[:200]!r}, which is no name of this machine{_advice(host)}"
                )
        if harmless:
            return None
        origins = headers.getall("Origin", ())
        for origin in origins:
            if not (self._knows(origin) or (self.any_host and _is_of(origin, hosts))):
                return Refused("foreign-origin", f"a page of {origin[:200]!r} may not call this{_advice(origin)}")
        if not origins and "cross-site" in headers.getall("Sec-Fetch-Site", ()):
            return Refused("foreign-origin", f"a page of another site may not call this{_advice('')}")
        return None

    def _knows_host(self, host: str) -> bool:
        found = _HOST.fullmatch(host)
        name = found[1].strip("[]").lower() if found is not None else ""
        return _is_here(name) or (name != "" and name in self._hosts)

    def _knows(self, origin: str) -> bool:
        try:
            told = origin if origin == _OPAQUE else _origin(origin)
        except OriginsError:
            return False
        parts = urlsplit(told)
        return told in self.listed or (parts.scheme in _DEFAULT_PORTS and _is_here(parts.hostname or ""))

    @property
    def _hosts(self) -> set[str]:
        return {urlsplit(one).hostname or "" for one in self.listed}


def _is_of(origin: str, hosts: Sequence[str]) -> bool:
    """Whether a page is of the host that it calls."""
    return any(urlsplit(origin).netloc.lower() == host.lower() for host in hosts)


def refusal_of(refused: Refused, *, problem: bool) -> web.Response:
    """The answer to a request that does not go on; the connection is of no further use.

    Args:
        refused: Why.
        problem: As RFC 9457 has it, rather than in the manner of AWS.
    """
    if problem:
        kind = "application/problem+json"
        told = {"type": "about:blank", "title": "Forbidden", "status": 403, "detail": refused.reason}
    else:
        kind = "application/json"
        told = {"__type": "AccessDeniedException", "message": refused.reason, "Message": refused.reason}
    body = json.dumps({**told, "code": refused.code}).encode()
    headers = {"Server": SERVER, "x-amzn-ErrorType": "AccessDeniedException"}
    response = web.Response(status=403, body=body, content_type=kind, headers=headers)
    response.force_close()
    return response


def is_safe(method: str) -> bool:
    """Whether a method changes nothing (RFC 9110, 9.2.1)."""
    return method in _SAFE


def _origin(text: str) -> str:
    """An origin as browsers write it: in lower case, without the scheme's own port (WHATWG HTML, "Origin")."""
    if text == _OPAQUE:
        return text
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if not host or parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise OriginsError(
            f"{SETTING} has {text[:80]!r}; an origin is such as https://app.example or http://app.test:8081"
        )
    own = "" if port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f":{port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{own}"


def _is_here(host: str) -> bool:
    """Whether a name is this machine's own, whatever a server of names says."""
    name = host.lower()
    # RFC 6761, 6.3: names below localhost never leave the machine.
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _advice(told: str) -> str:
    named = told if "://" in told else f"http://{told}" if told and told != _OPAQUE else told or "https://app.example"
    return f"; {SETTING}={named[:200]} lets it in, if you trust it (docs/security.md)"
