"""The HTTP port: which door answers a request, and which pages of a browser may ask."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from eventstore_hosting.http import SERVER, RequestError, bad_request, in_origin_form
from eventstore_hosting.origins import is_safe, refusal_of

if TYPE_CHECKING:
    from eventstore_hosting.origins import Origins
    from eventstore_server.rest_door import RestDoor
    from eventstore_server.websocket_door import WebSocketDoor

__all__ = ["HttpDoors", "Readiness"]

_LOGGER = logging.getLogger(__name__)


class Readiness(Protocol):
    """Whether the instance is ready for requests."""

    is_ready: bool


class HttpDoors:
    """Hands each request to its door.

    Args:
        rest: Answers what nothing else claims.
        websockets: Opens WebSocket connections.
        readiness: Whether the instance is ready.
        origins: The pages that may call; None if a credential decides.
    """

    def __init__(
        self, rest: RestDoor, websockets: WebSocketDoor, readiness: Readiness, *, origins: Origins | None
    ) -> None:
        self._rest = rest
        self._websockets = websockets
        self._readiness = readiness
        self._origins = origins

    def say(self, text: str) -> None:
        """Log what became of a request that is none."""
        _LOGGER.info("%s", text)

    def complain(self, text: str) -> None:
        """Log what is wrong with a request."""
        _LOGGER.warning("%s", text)

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request."""
        try:
            response = await self._pass(in_origin_form(request))
        except RequestError as error:
            return bad_request(str(error))
        if request.headers.get("Upgrade") and response.status != HTTPStatus.SWITCHING_PROTOCOLS:
            # aiohttp's parser stops at an upgrade. The end of the connection says which requests to send again.
            response.force_close()
        return response

    async def _pass(self, request: web.BaseRequest) -> web.StreamResponse:
        is_socket = self._websockets.claims(request)
        if self._origins is not None:
            harmless = not is_socket and is_safe(request.method)
            if (refused := self._origins.refuses(request.headers, harmless=harmless)) is not None:
                return refusal_of(refused, problem=True)
        path = request.raw_path.partition("?")[0]
        if path in {"/health/live", "/health/ready"}:
            return self._health(path)
        return await (self._websockets if is_socket else self._rest).serve(request)

    def _health(self, path: str) -> web.Response:
        is_good = path.endswith("live") or self._readiness.is_ready
        status = HTTPStatus.OK if is_good else HTTPStatus.SERVICE_UNAVAILABLE
        body = json.dumps({"status": "ok" if is_good else "starting or stopping"})
        return web.Response(status=status, text=body, content_type="application/json", headers={"Server": SERVER})
