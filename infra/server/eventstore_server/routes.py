"""The names of requests in metrics and traces. There are few of them, whatever clients send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.console import pages
from functions.rest.openapi import template_of

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["method_of", "route_of"]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OWN = frozenset({"/", "/ws", pages.PATH, "/health/live", "/health/ready", "/metrics"})
_OTHER = "other"


def method_of(request: web.BaseRequest) -> str:
    """Return the method of a request; `other` for one that no route has."""
    return request.method if request.method in _METHODS else _OTHER


def route_of(request: web.BaseRequest) -> str:
    """Return the template of a request's path, such as `/api/v1/streams/{stream}`; `other` if it has no route."""
    path = request.raw_path.partition("?")[0]
    if path.startswith(f"{pages.PATH}/"):
        return pages.PATH
    return path if path in _OWN else template_of(path) or _OTHER
