"""The one port of the stack: which part of it answers a request, and which pages may ask.

Rules: API Gateway, Lambda and the other services of AWS have hosts of their own; here paths, headers and the scope of
a signature tell them apart.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

from aiohttp import web

from eventstore_dev.lambda_api import PREFIX
from eventstore_dev.queues.local import TARGET
from eventstore_dev.signatures import signed_for
from eventstore_dev.unsigned_calls import unsigned_call
from eventstore_hosting.http import RequestError, bad_request, in_origin_form
from eventstore_hosting.origins import is_safe, refusal_of

if TYPE_CHECKING:
    from eventstore_dev.aws_services import AwsServices
    from eventstore_dev.lambda_api import LambdaApi
    from eventstore_dev.queues.served import Queues
    from eventstore_dev.rest import RestGateway
    from eventstore_dev.signatures import Scope
    from eventstore_dev.terminal import Terminal
    from eventstore_dev.websocket.gateway import WebSocketGateway
    from eventstore_hosting.origins import Origins

__all__ = ["Doors"]

# What requests to an API of the template, and to @connections, are signed for.
_API_GATEWAY = "execute-api"
_Door: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Doors:
    """Hands each request to what answers it.

    Attributes:
        rest: The REST APIs, which answer what nothing else claims.
        services: What answers for services of AWS that are not emulated.
        origins: Whose pages may call.
        terminal: Where it is said that a request is refused.
    """

    rest: RestGateway
    websockets: WebSocketGateway
    lambda_api: LambdaApi
    queues: Queues
    services: AwsServices
    origins: Origins
    terminal: Terminal

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request, as whatever it is for."""
        try:
            response = await self._pass(in_origin_form(request))
        except RequestError as error:
            self.terminal.complain(f"400: {request.method} {request.raw_path.partition('?')[0][:200]}: {error}")
            return bad_request(str(error))
        if request.headers.get("Upgrade") and response.status != HTTPStatus.SWITCHING_PROTOCOLS:
            # aiohttp's parser stops at an upgrade, and may have dropped what a client sent behind one that is ignored.
            # The end of the connection says which requests to send again (RFC 9112, 9.3.2).
            response.force_close()
        return response

    async def _pass(self, request: web.BaseRequest) -> web.StreamResponse:
        serve = self._claimed(request)
        refused = self.origins.refuses(request.headers, harmless=serve is None and is_safe(request.method))
        if refused is not None:
            path = request.raw_path.partition("?")[0]
            self.terminal.access(request.method, path, HTTPStatus.FORBIDDEN, seconds=0, outcome=None)
            self.terminal.complain(f"403: {refused.reason}")
            return refusal_of(refused, problem=serve is None)
        if serve is None and (scope := await unsigned_call(request)) is not None:
            serve = self._service(scope)
        return await (serve or self.rest.serve)(request)

    def _claimed(self, request: web.BaseRequest) -> _Door | None:
        """What answers a request by its path or its headers, other than the REST APIs.

        A request that is signed for a service of AWS is never one of the template's routes.
        """
        scope = signed_for(request)
        if scope is not None and scope.service != _API_GATEWAY:
            return self._service(scope)
        if self.websockets.management.claims(request):
            return self.websockets.management.serve
        if request.raw_path.startswith(PREFIX):
            return self.lambda_api.serve
        if self.websockets.claims(request):
            return self.websockets.serve
        if request.headers.get("X-Amz-Target", "").startswith(TARGET):
            return self.queues.serve
        return None

    def _service(self, scope: Scope) -> _Door:
        own: dict[str, _Door] = {"lambda": self.lambda_api.serve, "sqs": self.queues.serve}
        return own.get(scope.service) or partial(self.services.serve, scope=scope)
