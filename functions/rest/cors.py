"""Pages of other origins: which may read answers, and what preflights are answered (Fetch Standard, "CORS protocol").

No answer allows credentials in the sense of CORS: the hub uses no cookies, and a page sends its key or token itself.
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

_METHODS = "GET, HEAD, POST, PATCH, DELETE"

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
"""What a page may send. `Authorization` has to be named: a wildcard does not cover it."""

_EXTENSION = re.compile(r"ce-[a-z0-9]+")
"""An attribute in binary mode. Extensions are anybody's to name, so those that a preflight asks for are allowed."""

_OF_THE_GATEWAY = ("x-amzn-RequestId",)
"""Headers that API Gateway adds to an answer of a function, and that a page may read."""

_MAX_AGE = 7200
"""Seconds for which a browser keeps the answer to a preflight; Chromium keeps none longer."""

_PREFLIGHT_VARIES = ("Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers")


@dataclass(frozen=True, slots=True)
class Origins:
    """The origins whose pages may read answers.

    Attributes:
        listed: As browsers write them in `Origin`; in place of a port may stand `*`, for any; `*` alone is any origin.
    """

    listed: tuple[str, ...] = ()

    @classmethod
    def of_settings(cls) -> Origins:
        """Those of this deployment. If its settings are wrong, none: each call answers with what is wrong."""
        try:
            return cls(hub().settings.allowed_origins)
        except SettingsError:
            return cls()

    @property
    def any(self) -> bool:
        """Whether every page may read."""
        return ANY_ORIGIN in self.listed

    def allow(self, origin: str) -> bool:
        """Whether pages of this origin may read."""
        return self.any or origin in self.listed or f"{_without_port(origin)}:*" in self.listed


def preflight(event: Mapping[str, Any]) -> tuple[str, Mapping[str, str]] | None:
    """Who asks in a preflight, and the headers that answer it; no headers, if pages of this origin may not call.

    Returns:
        None, if the request is no preflight.
    """
    origin = _line(event, "origin")
    if event.get("httpMethod") != "OPTIONS" or not origin or not _line(event, "access-control-request-method"):
        return None
    if not Origins.of_settings().allow(origin):
        return origin, {}
    asked = [name.strip().lower() for name in _line(event, "access-control-request-headers").split(",")]
    allowed = (*_REQUEST_HEADERS, *(name for name in asked if _EXTENSION.fullmatch(name)))
    return origin, {
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": ", ".join(allowed),
        "Access-Control-Max-Age": str(_MAX_AGE),
    }


def readable(answer: dict[str, Any], event: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of a function, readable by pages of the origins that may read it; `Vary` says that others get less."""
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
    told = [value for name, values in lines.items() if name.lower() == "vary" for value in values]
    if varies:
        added["Vary"] = [", ".join([*told, *varies])]
    kept = {name: list(values) for name, values in lines.items() if not (varies and name.lower() == "vary")}
    return {**answer, "multiValueHeaders": {**kept, **added}}


def _exposed(names: Iterable[str]) -> list[str]:
    """Every header of this answer: attributes of an event in binary mode have names that no list foresees."""
    return [*sorted(name for name in names if name.lower() != "vary"), *_OF_THE_GATEWAY]


def _without_port(origin: str) -> str:
    scheme, separator, host = origin.partition("://")
    return f"{scheme}{separator}{re.sub(r':[0-9]+$', '', host)}"


def _line(event: Mapping[str, Any], wanted: str) -> str:
    """A header that has one line; the last one counts, as API Gateway has it."""
    lines = event.get("multiValueHeaders") or {}
    return next((str(values[-1]) for name, values in lines.items() if name.lower() == wanted and values), "")
