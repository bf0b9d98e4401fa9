"""CORS: which origins may read responses, and the responses to preflights (Fetch Standard, "CORS protocol").

No response allows credentials in the sense of CORS: the hub uses no cookies, and a page sends its key or token itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventstore.errors import SettingsError
from eventstore.hub.settings import ANY_ORIGIN
from functions.hub import hub

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Origins", "preflight", "readable"]

_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"

_REQUEST_HEADERS = (
    "Accept",
    "Authorization",
    "Content-Encoding",
    "Content-Type",
    "If-Match",
    "If-None-Match",
    "If-Unmodified-Since",
    "Prefer",
    "X-Amz-Content-Sha256",
    "X-Amz-Date",
    "X-Amz-Security-Token",
    "X-Api-Key",
)
"""Headers that a page may send. `Authorization` must be listed: a wildcard does not include it."""

_EXTENSION = re.compile(r"ce-[a-z0-9]+")
"""A header of an attribute in binary mode. Publishers name extensions, so all that a preflight requests are allowed."""

_GATEWAY_HEADERS = ("x-amzn-RequestId", "X-Request-Id")
"""Headers that API Gateway, or the server in its place, adds to responses and that a page may read."""

_MAX_AGE = 7200
"""Seconds for which a browser caches the response to a preflight; the maximum of Chromium."""

_PREFLIGHT_VARIES = ("Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers")


@dataclass(frozen=True, slots=True)
class Origins:
    """The origins whose pages may read responses.

    Attributes:
        listed: Values of the `Origin` header; a port may be `*`, for any port; `*` alone is any origin.
    """

    listed: tuple[str, ...] = ()

    @classmethod
    def of_settings(cls) -> Origins:
        """Return the origins of this deployment; none if its settings are invalid, which each call then reports."""
        try:
            return cls(hub().settings.allowed_origins)
        except SettingsError:
            return cls()

    @property
    def any(self) -> bool:
        """Whether all origins may read responses."""
        return ANY_ORIGIN in self.listed

    def allow(self, origin: str) -> bool:
        """Return whether pages of this origin may read responses."""
        return self.any or origin in self.listed or f"{_without_port(origin)}:*" in self.listed


def preflight(event: Mapping[str, Any]) -> tuple[str, Mapping[str, str]] | None:
    """Return the origin of a preflight, and the headers of its response.

    Returns:
        None if the request is not a preflight; no headers if the origin is not allowed.
    """
    origin = _line(event, "origin")
    if event.get("httpMethod") != "OPTIONS" or not origin or not _line(event, "access-control-request-method"):
        return None
    if not Origins.of_settings().allow(origin):
        return origin, {}
    requested = [name.strip().lower() for name in _line(event, "access-control-request-headers").split(",")]
    allowed = (*_REQUEST_HEADERS, *(name for name in requested if _EXTENSION.fullmatch(name)))
    return origin, {
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": ", ".join(allowed),
        "Access-Control-Max-Age": str(_MAX_AGE),
    }


def readable(answer: dict[str, Any], event: Mapping[str, Any]) -> dict[str, Any]:
    """Add CORS headers to a response, and `Vary`, since the response depends on the origin.

    Args:
        answer: The function's response.
        event: The request.
    """
    origins = Origins.of_settings()
    if not origins.listed:
        return answer
    lines: Mapping[str, Sequence[str]] = answer.get("multiValueHeaders") or {}
    added: dict[str, list[str]] = {}
    origin = _line(event, "origin")
    if origin and origins.allow(origin):
        added["Access-Control-Allow-Origin"] = [ANY_ORIGIN if origins.any else origin]
        if event.get("httpMethod") != "OPTIONS":
            added["Access-Control-Expose-Headers"] = [", ".join(_exposed(lines))]
    varies = _PREFLIGHT_VARIES if event.get("httpMethod") == "OPTIONS" else () if origins.any else ("Origin",)
    present = [value for name, values in lines.items() if name.lower() == "vary" for value in values]
    if varies:
        added["Vary"] = [", ".join([*present, *varies])]
    kept = {name: list(values) for name, values in lines.items() if not (varies and name.lower() == "vary")}
    return {**answer, "multiValueHeaders": {**kept, **added}}


def _exposed(names: Iterable[str]) -> list[str]:
    """Return all headers of this response: attributes of an event in binary mode have names that no list contains."""
    return [*sorted(name for name in names if name.lower() != "vary"), *_GATEWAY_HEADERS]


def _without_port(origin: str) -> str:
    scheme, separator, host = origin.partition("://")
    return f"{scheme}{separator}{re.sub(r':[0-9]+$', '', host)}"


def _line(event: Mapping[str, Any], header: str) -> str:
    """Return the last line of a header, as API Gateway does; empty if it is absent."""
    lines = event.get("multiValueHeaders") or {}
    return next((str(values[-1]) for name, values in lines.items() if name.lower() == header and values), "")
