"""The HTTP port: which door answers a request, and which pages of a browser may ask."""

from __future__ import annotations

import json
import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from eventstore_hosting.http import SERVER, RequestError, bad_request, in_origin_form
from eventstore_hosting.origins import is_safe, refusal_of
from eventstore_server.call_scope import CallScope, call_scope
from eventstore_server.routes import method_of, route_of

if TYPE_CHECKING:
    from eventstore_hosting.origins import Origins
    from eventstore_server.console_door import ConsoleDoor
    from eventstore_server.health import Health
    from eventstore_server.metrics.catalogue import ServerMetrics
    from eventstore_server.metrics_door import MetricsDoor
    from eventstore_server.rest_door import RestDoor
    from eventstore_server.websocket_door import WebSocketDoor

__all__ = ["HttpDoors"]

_LOGGER = logging.getLogger(__name__)
_ACCESS = logging.getLogger("eventstore_server.access")
"""A line for each request, at DEBUG. It has no query, which may have a credential, and no body."""


class HttpDoors:
    """Hands each request to its door.

    Args:
        rest: Answers what nothing else claims.
        websockets: Opens WebSocket connections.
        metrics_door: Answers scrapes.
        console: Answers with the console, and its files.
        health: Knows how the instance is.
        metrics: Counts the requests.
        origins: The pages that may call; None if a credential decides.
    """

    def __init__(
        self,
        rest: RestDoor,
        websockets: WebSocketDoor,
        metrics_door: MetricsDoor,
        console: ConsoleDoor,
        *,
        health: Health,
        metrics: ServerMetrics,
        origins: Origins | None,
    ) -> None:
        self._rest = rest
        self._websockets = websockets
        self._metrics_door = metrics_door
        self._console = console
        self._health = health
        self._in_flight = 0
        metrics.in_flight.read_with(lambda: {(): self._in_flight})
        self._metrics = metrics
        self._origins = origins

    def say(self, text: str) -> None:
        """Log what became of a request that is none."""
        _LOGGER.info("%s", text)

    def complain(self, text: str) -> None:
        """Log what is wrong with a request."""
        _LOGGER.warning("%s", text)

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request."""
        began = time.monotonic()
        try:
            response = await self._pass(in_origin_form(request))
        except RequestError as error:
            response = bad_request(str(error))
        self._observe(request, response, seconds=time.monotonic() - began)
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
        if is_socket:
            return await self._websockets.serve(request)
        self._in_flight += 1
        try:
            return await self._answer(request)
        finally:
            self._in_flight -= 1

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path.partition("?")[0]
        if path in {"/health/live", "/health/ready"}:
            return self._health_of(path)
        if path == "/metrics":
            return await self._metrics_door.serve(request)
        if self._console.claims(request):
            return self._console.serve(request)
        return await self._rest.serve(request)

    def _health_of(self, path: str) -> web.Response:
        if path == "/health/live":
            dead = self._health.dead_parts()
            reason = f"ended: {', '.join(dead)}" if dead else ""
        else:
            reason = self._health.unready_because()
        status = HTTPStatus.SERVICE_UNAVAILABLE if reason else HTTPStatus.OK
        body = json.dumps({"status": reason or "ok"})
        return web.Response(status=status, text=body, content_type="application/json", headers={"Server": SERVER})

    def _observe(self, request: web.BaseRequest, response: web.StreamResponse, *, seconds: float) -> None:
        method, route = method_of(request), route_of(request)
        self._metrics.requests.add(method, route, str(response.status))
        if response.status != HTTPStatus.SWITCHING_PROTOCOLS:
            # That takes as long as the connection.
            self._metrics.request_seconds.observe(seconds, method, route)
        if _ACCESS.isEnabledFor(logging.DEBUG):
            path = request.raw_path.partition("?")[0]
            with call_scope(CallScope("rest", request_id=response.headers.get("X-Request-Id", ""))):
                _ACCESS.debug("%s %s %d %.1f ms", method, path, response.status, 1000 * seconds)
