"""The console: the same responses as those of its function behind API Gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore_hosting.http import SERVER
from eventstore_server.proxy_events import rest_event
from eventstore_server.rest_door import response_of
from functions.console.pages import Settings, claims, respond

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["ConsoleDoor"]


class ConsoleDoor:
    """Answers requests for the console, which nobody needs a credential for. The files are in memory.

    Args:
        auth: How callers of the hub authenticate (`AUTH`).
    """

    def __init__(self, *, auth: str) -> None:
        self._settings = Settings(auth)

    def claims(self, request: web.BaseRequest) -> bool:
        """Return whether the console answers a request."""
        return claims(request.method, request.raw_path.partition("?")[0])

    def serve(self, request: web.BaseRequest) -> web.Response:
        """Answer a request."""
        response = response_of(respond(rest_event(request, b"", request_id=""), self._settings))
        response.headers["Server"] = SERVER
        return response
