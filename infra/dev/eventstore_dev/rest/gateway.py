"""One request through a REST API: limits, route, invocation, answer."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64encode
from datetime import UTC, datetime
from os import urandom
from typing import TYPE_CHECKING

from aiohttp import web

from eventstore_dev.authorizers import UNAUTHORIZED, Authorizers, Grant, Refusal, method_arn
from eventstore_dev.gateway_responses import Failure
from eventstore_dev.invocation import Invocation, Limits, new_request_id, new_trace_id
from eventstore_dev.rest.answer import Answer, MalformedAnswerError, decode_answer, gateway_answer
from eventstore_dev.rest.event import Request, encode_event, encode_question, identity_of
from eventstore_dev.rest.routing import Router
from eventstore_hosting.encoding import EncodingError, OversizeError, decode_body
from eventstore_hosting.http import read_body

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from eventstore_dev.gateway_responses import GatewayResponse
    from eventstore_dev.invocation import Outcome
    from eventstore_dev.pool import Pool
    from eventstore_dev.rest.routing import Match
    from eventstore_dev.template import RestApi
    from eventstore_dev.terminal import Terminal


_UNKNOWN = Failure(
    "MISSING_AUTHENTICATION_TOKEN", 403, "MissingAuthenticationTokenException", "Missing Authentication Token"
)
_TOO_LARGE = Failure("REQUEST_TOO_LARGE", 413, "RequestTooLargeException", "Request Too Long")
_NOT_DECODED = Failure("UNSUPPORTED_MEDIA_TYPE", 415, "BadRequestException", "Unsupported Media Type")
_TIMED_OUT = Failure("INTEGRATION_TIMEOUT", 504, "InternalServerErrorException", "Endpoint request timed out")
# Which type a function's failure has stands on no page; the default of its class is all that is known to hold.
_FAILED = Failure("DEFAULT_5XX", 502, "InternalServerErrorException", "Internal server error")


class RestGateway:
    """Serves REST APIs at the root, as custom domains without a base path would. The pools may change meanwhile."""

    def __init__(self, pools: Mapping[str, Pool], *, limits: Limits, terminal: Terminal) -> None:
        self._router = Router(())
        self._responses: Mapping[str, GatewayResponse] = {}
        self._pools = pools
        self._limits = limits
        self._terminal = terminal
        self._authorizers = Authorizers(pools, limits=limits, terminal=terminal)
        # A call that the gateway has given up on still runs to its end.
        self._calls: set[asyncio.Task[Outcome]] = set()

    def route(self, apis: Iterable[RestApi]) -> None:
        """Serves these APIs from the next request on."""
        served = list(apis)
        self._router = Router(served)
        # A request for nothing is of no API; as there is one port for all, the first one answers it.
        self._responses = served[0].responses if served else {}

    async def serve(self, request: web.BaseRequest) -> web.Response:
        """Answers a request, and logs it in one line."""
        began = time.perf_counter()
        request_id, extended_id = new_request_id(), b64encode(urandom(11)).decode()
        path, _, query = request.raw_path.partition("?")
        answered, outcome = await self._answer(request, path, query, request_id, extended_id)
        if isinstance(answered, Failure):
            sent = {name.lower(): value for name, value in request.headers.items()}
            answer = gateway_answer(answered, self._responses, sent=sent, request_id=request_id)
        else:
            answer = answered
        self._terminal.access(request.method, path, answer.status, seconds=time.perf_counter() - began, outcome=outcome)
        answer.headers["x-amzn-RequestId"] = request_id
        answer.headers["x-amz-apigw-id"] = extended_id
        answer.headers["Server"] = "eventstore-dev"
        # To HEAD, aiohttp sends the body's length, and no body.
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    async def _answer(
        self, request: web.BaseRequest, path: str, query: str, request_id: str, extended_id: str
    ) -> tuple[Answer | Failure, Outcome | None]:
        if sum(map(len, request.headers.values())) > self._limits.request_headers:
            message = f"HTTP header is larger than {self._limits.request_headers} bytes."
            return Failure("DEFAULT_4XX", 431, "BadRequestException", message), None
        match = self._router.match(request.method, path)
        if match is None:
            return _UNKNOWN, None
        body = await self._body(request)
        if isinstance(body, Failure):
            return body, None
        transport = request.transport
        _, port = transport.get_extra_info("sockname")[:2] if transport is not None else ("", 80)
        told = Request(
            method=request.method,
            path=path,
            query=query,
            protocol=f"HTTP/{request.version.major}.{request.version.minor}",
            source_ip=request.remote or "127.0.0.1",
            port=port,
            headers=list(request.headers.items()),
            body=body,
            request_id=request_id,
            extended_request_id=extended_id,
            trace_id=new_trace_id(),
            time=datetime.now(UTC),
        )
        asked = await self._ask(told, match)
        if isinstance(asked, Refusal):
            return asked.failure, None
        return await self._integrate(told, match, asked)

    async def _body(self, request: web.BaseRequest) -> bytes | Failure:
        """The body as functions get it."""
        limit = self._limits.request_body
        body = await read_body(request, limit=limit)
        if body is None:
            return _TOO_LARGE
        try:
            return decode_body(body, request.headers.get("Content-Encoding", ""), limit=limit)
        except OversizeError:
            return _TOO_LARGE
        except EncodingError as error:
            self._terminal.complain(f"415: {error}")
            return _NOT_DECODED

    async def _ask(self, request: Request, match: Match) -> Grant | Refusal | None:
        """What the API's authorizer says of a request; None, if it has none."""
        api, authorizer = match.api, match.route.authorizer
        if authorizer is None:
            return None
        identity = identity_of(request, api.identity.sources)
        if identity is None:
            return UNAUTHORIZED
        arn = method_arn(api.name, api.stage, f"{request.method}/{request.path.removeprefix('/')}")
        return await self._authorizers.ask(
            authorizer,
            encode_question(request, match, arn=arn),
            arn=arn,
            trace_id=request.trace_id,
            key=(api.name, identity),
            seconds=api.identity.seconds,
        )

    async def _integrate(
        self, request: Request, match: Match, grant: Grant | None
    ) -> tuple[Answer | Failure, Outcome | None]:
        event = encode_event(request, match, authorizer=grant.context if grant is not None else None)
        if len(event) > self._limits.payload:
            return self._bad_gateway(f"the event would have {len(event):,} bytes; Lambda takes 6 MB"), None
        pool = self._pools[match.route.function]
        call = asyncio.create_task(pool.invoke(Invocation(event, trace_id=request.trace_id)))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        done, _ = await asyncio.wait([call], timeout=self._limits.integration_seconds)
        if not done:
            return _TIMED_OUT, None
        outcome = call.result()
        if outcome.failed:
            return self._bad_gateway(_told(outcome.payload)), outcome
        try:
            answer = decode_answer(
                outcome.payload, accept=request.header("accept"), binary_media_types=match.api.binary_media_types
            )
        except MalformedAnswerError as error:
            return self._bad_gateway(f"malformed answer of {pool.function.name}: {error}"), outcome
        return answer, outcome

    def _bad_gateway(self, why: str) -> Failure:
        # API Gateway tells the client nothing, and its execution log everything.
        self._terminal.complain(f"502: {why}")
        return _FAILED


def _told(payload: bytes) -> str:
    """The error of a function, in a line."""
    try:
        error = json.loads(payload)
        return f"{error['errorType']}: {error['errorMessage']}"
    except (ValueError, KeyError, TypeError):
        return payload[:200].decode(errors="replace")
