"""The REST API: the same handler as behind API Gateway, called by this process."""

from __future__ import annotations

import secrets
import time
from base64 import b64decode
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web
from multidict import CIMultiDict

from eventstore.errors import EventstoreError, TooLarge, UnsupportedMediaType
from eventstore_hosting.encoding import EncodingError, OversizeError, decode_body
from eventstore_hosting.http import SERVER, read_body
from eventstore_server.call_scope import CallScope, call_scope
from eventstore_server.problem_response import problem_response
from eventstore_server.proxy_events import CallContext, rest_event
from eventstore_server.routes import method_of, route_of
from functions.rest import app

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore_server.authorizing import Authorizer
    from eventstore_server.limits import Limits
    from eventstore_server.tracing import Tracing
    from eventstore_server.worker_threads import WorkerThreads

__all__ = ["RestDoor", "response_of"]


class RestDoor:
    """Answers requests to the REST API.

    Args:
        authorizer: Checks credentials.
        threads: Call the handler.
        limits: Sizes and times.
        tracing: Records a span for each request.
        open_to_pages: Whether pages of other origins may read responses (`ALLOWED_ORIGINS`).
    """

    def __init__(
        self,
        authorizer: Authorizer,
        *,
        threads: WorkerThreads,
        limits: Limits,
        tracing: Tracing,
        open_to_pages: bool = False,
    ) -> None:
        self._authorizer = authorizer
        self._threads = threads
        self._limits = limits
        self._tracing = tracing
        self._open_to_pages = open_to_pages

    async def serve(self, request: web.BaseRequest) -> web.Response:
        """Answer a request.

        Raises:
            RequestError: The body did not arrive whole.
        """
        request_id = secrets.token_hex(12)
        try:
            body = await self._body(request)
            call = partial(self._call, request, body, request_id)
            response = await self._threads.run(call)
        except EventstoreError as error:
            response = problem_response(error, request_id, open_to_pages=self._open_to_pages)
        response.headers["Server"] = SERVER
        response.headers["X-Request-Id"] = request_id
        return response

    async def _body(self, request: web.BaseRequest) -> bytes:
        limit = self._limits.request_body
        body = await read_body(request, limit=limit)
        try:
            if body is not None:
                return decode_body(body, request.headers.get("Content-Encoding", ""), limit=limit)
        except EncodingError as error:
            raise UnsupportedMediaType(str(error)) from error
        except OversizeError:
            pass
        raise TooLarge(f"a request has at most {limit} bytes")

    def _call(self, request: web.BaseRequest, body: bytes, request_id: str) -> web.Response:
        route, method = route_of(request), method_of(request)
        with (
            call_scope(CallScope("rest", request_id=request_id)),
            self._tracing.span(
                f"{method} {route}",
                kind="server",
                parent=request.headers.get("traceparent", ""),
                attributes={"http.request.method": method, "http.route": route, "eventstore.request_id": request_id},
            ) as span,
        ):
            try:
                response = self._handle(request, body, request_id)
            except EventstoreError as error:
                span.fail(error.code)
                raise
            span.set("http.response.status_code", response.status)
            if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                span.fail(str(response.status))
            return response

    def _handle(self, request: web.BaseRequest, body: bytes, request_id: str) -> web.Response:
        event = rest_event(request, body, request_id=request_id)
        authorizer = self._authorizer.context_of(event)
        if authorizer is not None:
            event["requestContext"]["authorizer"] = dict(authorizer)
        context: Any = CallContext.starting_now(request_id, time.monotonic)
        return response_of(app.handler(event, context))


def response_of(answer: Mapping[str, Any]) -> web.Response:
    """Return the response that a handler returned as API Gateway expects it.

    Args:
        answer: What the handler returned.
    """
    headers: CIMultiDict[str] = CIMultiDict()
    for name, values in (answer.get("multiValueHeaders") or {}).items():
        for value in values:
            headers.add(name, value)
    for name, value in (answer.get("headers") or {}).items():
        headers[name] = value
    # aiohttp computes it from the body, which HEAD leaves out.
    headers.popall("Content-Length", None)
    body = answer.get("body") or ""
    content = b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    return web.Response(status=answer["statusCode"], headers=headers, body=content)
